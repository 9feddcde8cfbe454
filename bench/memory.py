"""The most memory that a worker's process ever held while it delivered, for payloads small and huge."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.ground import Result, empty, record

_SOURCE = Path(__file__).resolve().parent.parent / "src"
_MB = 1024 * 1024
CASES = {
    "nothing to deliver": (0, 0),
    "300,000 events of 300 bytes": (300_000, 270),
    "60 events of 5 MB": (60, 5_000_000),
    "10 events of 16 MiB": (10, 16 * _MB - 100),
}


def measure() -> Iterator[Result]:
    from outbox.sealing import seal_all

    for what, (events, size) in CASES.items():
        empty()
        for _ in range(0, events, 10_000 if size < _MB else 1):
            record(min(events, 10_000) if size < _MB else 1, payload_bytes=size)
        seal_all()
        yield Result(what=f"worker's peak memory: {what}", measured=f"{_peak() / _MB:,.0f} MB")


def _peak() -> int:
    """Bytes resident at the most in a process that delivers everything."""
    command = [sys.executable, "manage.py", "outbox", "deliver", "--sealed-only", "--json"]
    with subprocess.Popen(command, cwd=_SOURCE, env=os.environ, stdout=subprocess.DEVNULL) as process:
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss * 1024
