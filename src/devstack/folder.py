"""The stack's folder: its lock, which is held while the stack runs, and the little that is kept between runs."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.errors import DevstackError

SOURCE = Path(__file__).resolve().parent.parent
_PATIENCE = 0.5
_PATIENCE_AFTER_A_KILL = 10.0


class FolderInUse(DevstackError):
    """Another stack runs on this folder: stop it, or choose another folder."""


class FolderUnusable(DevstackError):
    """The folder cannot be written to; the message says why."""


def configured() -> Path:
    """DEVSTACK_DIR, or .devstack beside src."""
    return Path(os.environ.get("DEVSTACK_DIR") or SOURCE.parent / ".devstack").resolve()


def shown(path: Path) -> str:
    """The path as a person in the current folder would write it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Hold the folder's lock: its file descriptor. Raises FolderInUse, FolderUnusable.

    The kernel lets go of it when the process is gone, and every child that inherited the descriptor.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FolderUnusable(
            f"{shown(folder)} cannot be used: {error.strerror}; set DEVSTACK_DIR to another"
        ) from error
    try:
        _acquire(lock, folder)
        os.truncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield lock
    finally:
        os.close(lock)


def in_use(folder: Path) -> bool:
    """Whether a stack runs on the folder now, as opposed to: has left its files behind."""
    try:
        lock = os.open(folder / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def kept_secret(folder: Path, name: str = "secret_key") -> str:
    """A secret of the folder's: made up once, so that sessions, tokens and data folders outlive a restart."""
    path = folder / name
    try:
        return path.read_text()
    except FileNotFoundError:
        fresh = secrets.token_urlsafe(48)
        write_privately(path, fresh)
        return fresh


def write_privately(path: Path, text: str) -> None:
    """Write a whole file or nothing, readable by nobody else."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.rename(path)


def _acquire(lock: int, folder: Path) -> None:
    """Patiently: `in_use` holds it for an instant, the processes of a killed stack until they are gone."""
    started = time.monotonic()
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 20, 0).decode()
            runs = owner.isdecimal() and _alive(int(owner))
            if time.monotonic() - started > (_PATIENCE if runs else _PATIENCE_AFTER_A_KILL):
                what = f"a stack runs on {shown(folder)} already (process {owner}): stop it"
                if not runs:
                    what = f"processes of a stack that was killed still run on {shown(folder)}: end them"
                raise FolderInUse(f"{what}, or set another DEVSTACK_DIR") from None
            time.sleep(0.02)
        else:
            return


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
