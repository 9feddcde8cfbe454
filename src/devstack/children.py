"""Child processes: each in a session of its own, and none outlives the launcher, whatever ends it."""

import asyncio
import contextlib
import ctypes
import functools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from devstack.errors import DevstackError

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"

type InChild = Callable[[], None]


def dies_with_launcher(*, with_signal: int, first: InChild | None = None) -> InChild:
    """What a child does before exec so that the kernel sends it `with_signal` when the launcher is gone (Linux)."""
    libc, launcher = _libc(), os.getpid()

    def in_child() -> None:
        if first:
            first()
        # After `first`, because a change of user forgets the wish.
        if libc:
            libc.prctl(_PR_SET_PDEATHSIG, int(with_signal))
            if os.getppid() != launcher:  # it died in between
                os._exit(1)

    return in_child


def adopt_orphans() -> None:
    """Make descendants that lost their parent children of this process (Linux), so that `kill_orphans` finds them."""
    if libc := _libc():
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def kill_orphans(*, patience: float = 5.0) -> None:
    """Kill every child that is left, and theirs; for the very end, when all services have stopped."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        for pid in _pids():
            if _parent(pid) == os.getpid():
                _send(pid, signal.SIGKILL)
        try:
            reaped, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not reaped:
            time.sleep(0.01)


def kill_session(leader: int) -> None:
    """Kill whatever is alive in the session that `leader` opened, the leader included."""
    for pid in _pids():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader:
                _send(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # without /proc this is all there is
        os.killpg(leader, signal.SIGKILL)


async def run_to_end(
    argv: Sequence[str], *, standard_input: bytes = b"", environment: Mapping[str, str] | None = None,
    first: InChild | None = None,
) -> None:  # fmt: skip
    """Run a program and wait; it does not survive a cancellation. Raises DevstackError with what it printed."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
        preexec_fn=dies_with_launcher(with_signal=signal.SIGKILL, first=first),
    )
    try:
        printed, _ = await process.communicate(standard_input)
    finally:
        kill_session(process.pid)
    assert process.returncode is not None
    if process.returncode != 0:
        text = printed.decode(errors="replace").strip()
        raise DevstackError(f"{Path(argv[0]).name} {how_it_ended(process.returncode)}: {text}")


def how_it_ended(code: int) -> str:
    """What a return code says in words; Python has -n where signal n ended it, a shell 128+n."""
    named = {number.value: number.name for number in signal.Signals}
    if code < 0:
        return f"was ended by {named.get(-code, f'signal {-code}')}"
    return f"exited with code {code}" + (f" ({named[code - 128]})" if code - 128 in named else "")


@functools.cache
def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if _LINUX else None


def _pids() -> Iterator[int]:
    """Every process there is; none where there is no /proc."""
    with contextlib.suppress(FileNotFoundError):
        yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])  # the name before it may hold spaces and brackets


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
