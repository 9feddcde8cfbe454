"""Starts services in the order of their needs, watches them, and stops them in the opposite order."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from devstack.children import how_it_ended
from devstack.errors import DevstackError
from devstack.output import Output
from devstack.service import Running, Service


class ServiceFailed(DevstackError):
    """A service ended, or was not ready in time; everything else is stopped too."""


class StopWanted(Exception):
    """Somebody asked for the end before everything was up."""


class Supervisor:
    """An async context: entering starts everything, leaving stops everything."""

    def __init__(self, services: Sequence[Service], *, output: Output) -> None:
        self.stopping = asyncio.Event()
        self.failure: DevstackError | None = None
        self._output = output
        self._running = {service.name: Running(service, printed=output.line) for service in services}
        output.when_lost = self.stopping.set

    async def __aenter__(self) -> Self:
        for running in self._running.values():
            running.task = asyncio.create_task(self._keep(running))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        await asyncio.gather(*map(self._stop, self._running.values()))

    async def all_up(self) -> None:
        """Wait until every service is ready. Raises ServiceFailed, StopWanted."""
        stop = asyncio.create_task(self.stopping.wait())
        for running in self._running.values():
            up = asyncio.create_task(running.up.wait())
            await asyncio.wait([up, stop], return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
        stop.cancel()
        self.raise_failure()
        if self.stopping.is_set():
            raise StopWanted

    async def stopped(self) -> None:
        """Wait until a stop is wanted. Raises ServiceFailed when a service is the reason."""
        await self.stopping.wait()
        self.raise_failure()

    def raise_failure(self) -> None:
        if self.failure:
            raise self.failure

    def interrupt(self) -> None:
        """Stop everything; asked for a second time, kill everything."""
        if self.stopping.is_set():
            for running in self._running.values():
                running.kill()
        self.stopping.set()

    async def _keep(self, running: Running) -> None:
        for name in running.service.needs:
            await self._running[name].up.wait()
        try:
            await self._start(running)
        except TimeoutError:
            self._fail(running, f"was not ready within {running.service.patience:g} s")
            return
        except (DevstackError, OSError) as error:
            self._fail(running, f"could not be started: {error}")
            return
        code = await running.ended()
        if running.service.oneshot and code == 0:
            running.up.set()
        else:
            self._fail(running, how_it_ended(code))

    async def _start(self, running: Running) -> None:
        if running.service.prepare:
            await running.service.prepare()
        await running.start()
        if not running.service.oneshot and await running.becomes_ready():
            running.up.set()

    def _fail(self, running: Running, what: str) -> None:
        if not self.stopping.is_set():
            tail = "".join(f"\n  {line}" for line in running.conversation.tail)
            self.failure = ServiceFailed(f"{running.service.name} {what}; everything is stopped{tail}")
            self.stopping.set()

    async def _stop(self, running: Running) -> None:
        for other in self._running.values():  # those who need it go first
            if running.service.name in other.service.needs:
                await other.gone.wait()
        if running.task and not running.alive:  # it waits for others or is being prepared: it must not start now
            running.task.cancel()
            await asyncio.wait([running.task])
        if not await running.stop():
            self._output.line("devstack", f"{running.service.name} did not stop in time and was killed")
        if running.task:
            await asyncio.wait([running.task])
        running.gone.set()
