"""What the bench ran on: processor, cores, memory, load, versions. The host's name is nobody's business."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from bench.ground import clickhouse, execute

_PACKAGES = ("django", "psycopg", "asynch", "celery", "uvicorn", "clickhouse-driver")


def described() -> list[str]:
    """Some lines, of the machine and of what runs on it; in a prepared place."""
    load = ", ".join(f"{part:.2f}" for part in os.getloadavg())
    durable = dict(execute("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')"))
    machine = (
        f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB; {platform.system()} {platform.machine()}; "
        f"load average at the start {load}"
    )
    versions = (
        f"Python {platform.python_version()}, PostgreSQL {execute('SHOW server_version')[0][0]} "
        f"(fsync {durable['fsync']}, synchronous_commit {durable['synchronous_commit']}), "
        f"ClickHouse {clickhouse('SELECT version()')[0][0]}; "
        + ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    )
    sharing = (
        "Everything shares these cores: the bench itself, PostgreSQL, ClickHouse's engine, Valkey, the application."
    )
    return [machine, versions, sharing]


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or "an unnamed processor"


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
