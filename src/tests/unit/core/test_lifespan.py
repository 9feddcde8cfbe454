"""The lifespan protocol, on which Django raises."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from core import lifespan
from core.lifespan import with_lifespan
from event_log.reader import event_reader

pytestmark = pytest.mark.asyncio


async def live(application=None, *, between=None):
    messages, sent = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], []

    async def receive():
        if len(messages) == 1 and between:
            await between(living)
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    living = with_lifespan(application)
    await living({"type": "lifespan"}, receive, send)
    return sent


async def test_a_start_and_a_stop_are_answered():
    assert [message["type"] for message in await live()] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_start_that_fails_says_so(monkeypatch):
    def fail():
        raise ImportError("no such view")

    monkeypatch.setattr(lifespan, "_start", fail)
    assert await live() == [{"type": "lifespan.startup.failed", "message": "no such view"}]


async def test_requests_go_to_the_application():
    asked = []

    async def application(scope, _receive, _send):
        asked.append(scope)

    await with_lifespan(application)({"type": "http"}, AsyncMock(), AsyncMock())
    assert asked == [{"type": "http"}]


async def test_between_start_and_stop_all_read_through_one_reader_which_the_stop_closes(settings):
    settings.EVENT_READER = {"BACKEND": "tests.unit.core.test_lifespan.Reader", "OPTIONS": {}}
    used: list[Any] = []

    async def application(*_):
        async with event_reader() as reader:
            used.append(reader)

    async def requests(living):
        await asyncio.gather(*(living({"type": "http"}, None, None) for _ in range(2)))

    await live(application, between=requests)
    assert used[0] is used[1]
    assert used[0].closed_in == [asyncio.get_running_loop()]


async def test_where_no_loop_lasts_each_reading_closes_what_it_has_opened(settings):
    settings.EVENT_READER = {"BACKEND": "tests.unit.core.test_lifespan.Reader", "OPTIONS": {}}
    async with event_reader() as first, event_reader() as second:
        readers: list[Any] = [first, second]
    assert first is not second
    assert [each.closed_in for each in readers] == [[asyncio.get_running_loop()]] * 2


class Reader:
    def __init__(self) -> None:
        self.closed_in: list[asyncio.AbstractEventLoop] = []

    async def close(self) -> None:
        self.closed_in.append(asyncio.get_running_loop())
