"""Processes as the kernel accounts for them (Linux): processor time and memory; and how the bench starts its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
_TICKS = os.sysconf("SC_CLK_TCK")
_MIB = 1024


def processor_seconds(pid: int, *, with_reaped: bool = False) -> float:
    """What the process has used so far; with those of its children that have ended and been waited for."""
    fields = _stat(pid)
    return sum(int(fields[place]) for place in (11, 12, *((13, 14) if with_reaped else ()))) / _TICKS


def resident_mib(pid: int, *, most: bool = False) -> float:
    """MiB in memory now, or at the most so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:" if most else "VmRSS:")[1].split()[0]) / _MIB


def children(pid: int) -> list[int]:
    """Its children, and theirs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _parent(int(entry.name)) == pid:
            found += [int(entry.name), *children(int(entry.name))]
    return found


class Engines:
    """The processes of PostgreSQL and ClickHouse's engine, if they run on this machine where we may look at them."""

    def __init__(self) -> None:
        self._postmaster = _postmaster()
        self._clickhouse = _by_command("devstack.clickhouse", os.environ.get("CLICKHOUSE_PORT", "9000"))

    def processor_seconds(self) -> dict[str, float]:
        """What each has used so far; empty for one that is elsewhere."""
        used = {}
        if self._postmaster:
            backends = sum(_used(pid) for pid in children(self._postmaster))
            used["PostgreSQL"] = processor_seconds(self._postmaster, with_reaped=True) + backends
        if self._clickhouse:
            used["ClickHouse"] = processor_seconds(self._clickhouse)
        return used


@contextmanager
def started(
    *command: str, environment: Mapping[str, str] | None = None, pass_fds: Sequence[int] = (), stdin: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """A Python process with the application on its path, ended when it is no longer needed; its log is not kept."""
    usual = {"PYTHONPATH": f"{ROOT}:{SOURCE}", "LOG_LEVEL": "INFO", "LOG_FORMAT": "json"}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=SOURCE, env={**os.environ, **usual, **(environment or {})},
        stdin=stdin or subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=pass_fds,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def web_server(application: str = "core.asgi:application", **environment: str) -> Iterator[tuple[int, int]]:
    """Uvicorn with one process that serves the application: its process id and its port."""
    port = free_port()
    command = ("-m", "uvicorn", application, "--port", str(port), "--log-level", "warning", "--ws", "none")
    plain = {"THROTTLES": "false", "HTTPS_ONLY": "false"}
    with started(*command, "--no-access-log", environment={**plain, **environment}) as process:
        wait_for_port(port, process)
        yield process.pid, port


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)
        else:
            return


def _postmaster() -> int | None:
    """The parent of our own backend."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = int(cursor.fetchone()[0])
    name = Path(f"/proc/{backend}/comm")
    return _parent(backend) if name.exists() and name.read_text().startswith("postgres") else None


def _by_command(*words: str) -> int | None:
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = command.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if all(word in said for word in words):
            return int(command.parent.name)
    return None


def _used(pid: int) -> float:
    try:
        return processor_seconds(pid)
    except OSError:  # it has ended, and what it used is its parent's now
        return 0.0


def _parent(pid: int) -> int | None:
    try:
        return int(_stat(pid)[1])
    except OSError:
        return None


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may hold spaces and brackets."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
