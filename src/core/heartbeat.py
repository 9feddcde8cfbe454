"""Signs of life of the processes that answer nobody.

The worker touches a file with every task, and beat with every message it sends; `python -m core.heartbeat FILE` looks
at it, for container health checks.

Asking through the broker (`celery inspect ping`) starts all of Celery, waits for a second, and blames the worker for a
broker that is away. Imports no Django, so that the check takes some milliseconds.
"""

import sys
import time
from pathlib import Path

# A worker may be busy with one batch for this long while the store does not answer: several timeouts of 30 s.
_WITHIN_SECONDS = 120.0


def show(kind: str, *, folder: str) -> None:
    """Leave a sign of life of this kind of process, if there is a folder for it."""
    if folder:
        path = Path(folder) / kind
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def main(arguments: list[str]) -> int:
    """The exit code of the check: 0 alive, 1 silent for too long, 2 asked wrongly."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m core.heartbeat FILE (HEARTBEAT_DIR/worker or HEARTBEAT_DIR/beat)\n")
        return 2
    (file,) = map(Path, arguments)
    try:
        silent = time.time() - file.stat().st_mtime
    except FileNotFoundError:
        sys.stderr.write(f"{file.name}: no sign of life yet\n")
        return 1
    sys.stdout.write(f"{file.name}: last sign of life {silent:.1f} s ago\n")
    return 0 if silent < _WITHIN_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
