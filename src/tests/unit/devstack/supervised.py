"""Tiny services for the tests of the supervisor, and what becomes of their processes."""

import asyncio
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

from devstack.output import Output
from devstack.service import Ready, Service
from devstack.supervisor import Supervisor

SLEEP = ["sleep", "60"]


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def stubborn(pid_file: Path) -> list[str]:
    """A shell that ignores SIGTERM; its process id is in the file once it does."""
    return shell(f"trap '' TERM; echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; while :; do sleep 0.02; done")


def exists(path: Path) -> Ready:
    async def ready(_: int) -> bool:
        return path.exists()  # noqa: ASYNC240 - the file appears at another process's hands

    return ready


def supervise(*services: Service, printed: io.StringIO | None = None) -> Supervisor:
    return Supervisor(services, output=Output(printed or io.StringIO(), names=[service.name for service in services]))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc/self").exists() else True


async def until(true: Callable[[], bool], *, within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)
