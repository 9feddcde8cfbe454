"""PostgreSQL refuses to be run by root, so its processes become somebody else between fork and exec."""

import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path

from devstack.children import InChild
from devstack.errors import DevstackError

_NOBODY = 65534


class RootNotAllowed(DevstackError):
    """PostgreSQL does not run as root here: run as an ordinary user."""


def leave_root(folder: Path, *, programs: Path) -> InChild | None:
    """What a child does to be not root while it writes to `folder` and runs `programs`; None: we are not root.

    Raises RootNotAllowed.
    """
    if os.geteuid() != 0:
        return None
    if works(in_user_namespace):
        return in_user_namespace
    return _as_nobody_in(folder, programs=programs)


def in_user_namespace() -> None:
    """Look like nobody in a namespace of one's own; on disk everything still belongs to root, so nothing changes."""
    if sys.platform != "linux":
        raise OSError("user namespaces are Linux's")
    uid, gid = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_NOBODY} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{_NOBODY} {gid} 1")


def works(step: Callable[[], None]) -> bool:
    """Whether a child process can take the step."""
    pid = os.fork()
    if pid == 0:
        try:
            step()
        except BaseException:  # noqa: BLE001 - a forked child must not return into the parent's code, whatever it met
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _as_nobody_in(folder: Path, *, programs: Path) -> InChild:
    """Hand the folder to the user nobody, as containers need that forbid user namespaces."""
    nobody = pwd.getpwnam("nobody")

    def become_nobody() -> None:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)

    def reach_everything() -> None:
        become_nobody()
        if not (os.access(programs / "postgres", os.X_OK) and os.access(folder, os.W_OK | os.X_OK)):
            raise PermissionError

    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    if not works(reach_everything):
        raise RootNotAllowed(
            f"PostgreSQL refuses to run as root, user namespaces are forbidden here, and the user nobody cannot reach "
            f"{programs} or {folder}: run as an ordinary user, or set DEVSTACK_DIR to a folder that everybody can reach"
        )
    return become_nobody
