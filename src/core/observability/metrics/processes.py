"""Whose a file of figures is: processes by their number and start, for numbers are given again.

A container's first processes have the same numbers at every start. Where nobody says when a process began (macOS has no
/proc), it is known by its number alone.
"""

import os
from functools import cache
from pathlib import Path

# Of what stands behind the program's name in /proc/<pid>/stat.
_START = 19


def own() -> str:
    """Name the present process. It is asked for with every figure, so it has to be quick."""
    return _name(os.getpid())


def is_alive(name: str) -> bool:
    """Whether the process of this name is there still, and not another one that has its number now."""
    pid, _, start = name.partition("-")
    return _exists(int(pid)) and start in {"", _start(int(pid)) or start}


@cache
def _name(pid: int) -> str:
    start = _start(pid)
    return f"{pid}-{start}" if start else f"{pid}"


# It may have the number of one that its parent descends from.
os.register_at_fork(after_in_child=_name.cache_clear)


def _start(pid: int) -> str:
    """When the process began, in the machine's ticks; empty if that cannot be known."""
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    # The program's name is in brackets, and may have brackets and blanks of its own.
    return told.rpartition(b")")[2].split()[_START].decode()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
