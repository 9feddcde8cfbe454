import asyncio
import threading
from dataclasses import dataclass

import pytest

from kit.use_case import AsyncUseCase, UseCase


@dataclass(frozen=True, kw_only=True)
class TellThread(UseCase[tuple[str, threading.Thread]]):
    greeting: str

    def execute(self) -> tuple[str, threading.Thread]:
        return self.greeting, threading.current_thread()


@pytest.mark.asyncio
async def test_awaited_it_runs_outside_the_event_loops_thread():
    greeting, thread = await TellThread(greeting="hi").aexecute()
    assert greeting == "hi"
    assert thread is not threading.current_thread()
    assert asyncio.get_running_loop().is_running()


def test_executed_it_runs_here():
    assert TellThread(greeting="hi").execute() == ("hi", threading.current_thread())


@dataclass(frozen=True, kw_only=True)
class WaitInTheLoop(AsyncUseCase[tuple[asyncio.AbstractEventLoop, threading.Thread]]):
    async def execute(self) -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
        return asyncio.get_running_loop(), threading.current_thread()


@pytest.mark.asyncio
async def test_one_that_waits_for_another_server_stays_in_the_event_loop():
    assert await WaitInTheLoop().aexecute() == (asyncio.get_running_loop(), threading.current_thread())
