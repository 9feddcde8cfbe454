"""A service as it is described, and as it runs."""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devstack.children import InChild, dies_with_launcher, kill_session

_LINE_LIMIT = 2**16
_TAIL = 20

type Ready = Callable[[int], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True)
class Service:
    """A program to keep running, or one to run once (`oneshot`) before those that need it."""

    name: str
    argv: Sequence[str]
    needs: Sequence[str] = ()
    prepare: Callable[[], Awaitable[None]] | None = None
    """Runs before the start, for instance to create a data folder."""
    ready: Ready | None = None
    """Is given the process id and says whether the service answers; without it, started is ready."""
    oneshot: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    in_child: InChild | None = None
    stop_signal: int = signal.SIGTERM
    orphan_signal: int | None = None
    """What the kernel sends it when the launcher was killed; as a rule the stop signal."""
    grace: float = 15.0
    """Seconds between the stop signal and SIGKILL."""
    patience: float = 60.0
    """Seconds it may take to be ready."""


class Running:
    """A service's process, from before its start until it is gone."""

    def __init__(self, service: Service, *, printed: Callable[[str, str], None]) -> None:
        self.service = service
        self.up = asyncio.Event()
        self.gone = asyncio.Event()
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self.task: asyncio.Task[None] | None = None
        self._printed = printed
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        service = self.service
        self._process = await asyncio.create_subprocess_exec(
            *service.argv,
            cwd=service.folder,
            env={**os.environ, **service.environment, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dies_with_launcher(
                with_signal=service.orphan_signal or service.stop_signal, first=service.in_child
            ),
        )
        self._pump = asyncio.create_task(self._forward(self._process.stdout))

    async def becomes_ready(self) -> bool:
        """Wait until it answers; False when it ended before. Raises TimeoutError."""
        process = self._process
        assert process
        async with asyncio.timeout(self.service.patience):
            while process.returncode is None:
                if self.service.ready is None or await self.service.ready(process.pid):
                    return process.returncode is None
                await asyncio.sleep(0.02)
        return False

    async def ended(self) -> int:
        """The exit code, when it has ended and all it printed has been read (-n: ended by signal n)."""
        process, pump = self._process, self._pump
        assert process
        assert pump
        code = await process.wait()
        # A grandchild may hold the pipe open for ever.
        await asyncio.wait([pump], timeout=1)
        return code

    async def stop(self) -> bool:
        """Ask the leader to stop, which stops its own; then kill what is left. False when the grace was not enough."""
        process = self._process
        in_time = True
        if process:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(self.service.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), self.service.grace)
            except TimeoutError:
                in_time = False
            self.kill()
            await process.wait()
        return in_time

    def kill(self) -> None:
        if self._process:
            kill_session(self._process.pid)

    async def _forward(self, stream: asyncio.StreamReader | None) -> None:
        assert stream
        rest = b""
        while chunk := await stream.read(_LINE_LIMIT):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LINE_LIMIT:
                lines, rest = [*lines, rest], b""
            self._print(lines)
        if rest:
            self._print([rest])

    def _print(self, lines: Sequence[bytes]) -> None:
        for text in self._texts(lines):
            self.tail.append(text)
            self._printed(self.service.name, text)

    @staticmethod
    def _texts(lines: Sequence[bytes]) -> Iterator[str]:
        return (line.decode(errors="replace").rstrip() for line in lines)
