"""A service as it is described, and as it runs."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devstack.children import InChild, dies_with_launcher, kill_session
from devstack.conversation import Conversation

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
    announcement: str = ""
    """Words in its output without which it is not ready either."""
    oneshot: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    inherits: Sequence[int] = ()
    """File descriptors that stay open in it."""
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
        self.task: asyncio.Task[None] | None = None
        self.conversation = Conversation(lambda text: printed(service.name, text), announcement=service.announcement)
        self._transport: asyncio.SubprocessTransport | None = None

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self.conversation.ended.is_set()

    async def start(self) -> None:
        service = self.service
        self._transport, _ = await asyncio.get_running_loop().subprocess_exec(
            lambda: self.conversation,
            *service.argv,
            cwd=service.folder,
            env={**os.environ, **service.environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=service.inherits,
            preexec_fn=dies_with_launcher(
                with_signal=service.orphan_signal or service.stop_signal, first=service.in_child
            ),
        )

    async def becomes_ready(self) -> bool:
        """Wait until it answers; False when it ended before. Raises TimeoutError."""
        async with asyncio.timeout(self.service.patience):
            while self.alive:
                if await self._is_ready():
                    return self.alive
                await asyncio.sleep(0.02)
        return False

    async def _is_ready(self) -> bool:
        ready = self.service.ready
        return self.conversation.announced and (ready is None or await ready(self._pid))

    async def ended(self) -> int:
        """The exit code, when it has ended and all it printed has been read (-n: ended by signal n)."""
        await self.conversation.heard_out()
        assert self._transport
        code = self._transport.get_returncode()
        assert code is not None
        return code

    async def stop(self) -> bool:
        """Ask the leader to stop, which stops its own; then kill what is left. False when the grace was not enough."""
        if self._transport is None:
            return True
        with contextlib.suppress(ProcessLookupError):
            self._transport.send_signal(self.service.stop_signal)
        try:
            await asyncio.wait_for(self.conversation.ended.wait(), self.service.grace)
        except TimeoutError:
            return False
        finally:
            self.kill()
            await self.conversation.heard_out()
            self._transport.close()
        return True

    def kill(self) -> None:
        if self._transport:
            kill_session(self._pid)

    @property
    def _pid(self) -> int:
        assert self._transport
        return self._transport.get_pid()
