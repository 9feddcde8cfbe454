"""The lifespan protocol, on which Django raises."""

from unittest.mock import AsyncMock

import pytest

from core import lifespan
from core.lifespan import with_lifespan

pytestmark = pytest.mark.asyncio


async def live(application=None):
    messages, sent = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    await with_lifespan(application)({"type": "lifespan"}, receive, send)
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
