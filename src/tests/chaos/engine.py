"""A server of devstack's (PostgreSQL, Valkey, ClickHouse's engine) that can be killed and started again on its data."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from devstack.children import dies_with_launcher
from devstack.service import Service

_PATIENCE = 60.0


class EngineFailed(Exception):
    """A server did not come up again."""


class Engine:
    """One server process with its children."""

    def __init__(self, service: Service, *, log: Path) -> None:
        self._service, self._log = service, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers. Raises EngineFailed."""
        service = self._service
        asyncio.run(self._prepare())
        with self._log.open("ab") as log:
            said_before = log.tell()
            self._process = subprocess.Popen(
                service.argv, env={**os.environ, **service.environment}, cwd=service.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=dies_with_launcher(with_signal=signal.SIGKILL, first=service.in_child),  # noqa: PLW1509 -- no lock
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE
        while not self._answers(self._process.pid, said_before=said_before):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EngineFailed(f"{service.name} did not start, see {self._log}")
            time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL to it and all that it started."""
        if self._process is None:
            return
        family = [self._process.pid, *descendants(self._process.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(timeout=10)
        _wait_until_gone(family)
        self._process = None

    async def _prepare(self) -> None:
        if self._service.prepare:
            await self._service.prepare()

    def _answers(self, pid: int, *, said_before: int) -> bool:
        announcement, ready = self._service.announcement, self._service.ready
        if announcement and announcement.encode() not in self._log.read_bytes()[said_before:]:
            return False

        async def ask() -> bool:
            return ready is None or await ready(pid)

        return asyncio.run(ask())


def descendants(pid: int) -> Iterator[int]:
    """The children of a process, and theirs."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def _wait_until_gone(family: list[int]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(_lives(pid) for pid in family):
        time.sleep(0.005)


def _lives(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
