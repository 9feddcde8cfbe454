"""The event reader in use. Its connections belong to an event loop: that of the server lasts, and so does its reader.

A WSGI server gives each request a loop of its own, and may have several at once: there a reader is made for a request.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from events.reading import EventReader

# By the event loops that last, from the first reading on.
_lasting: dict[asyncio.AbstractEventLoop, EventReader | None] = {}


async def keep() -> None:
    """Have this event loop keep its reader, and that its connections, until they are given back."""
    _lasting[asyncio.get_running_loop()] = None


async def give_back() -> None:
    """End what `keep` has begun."""
    reader = _lasting.pop(asyncio.get_running_loop(), None)
    if reader is not None:
        await reader.close()


@asynccontextmanager
async def event_reader() -> AsyncIterator[EventReader]:
    """The reader that settings.EVENT_READER names, for as long as something is read."""
    loop = asyncio.get_running_loop()
    reader = _lasting.get(loop) or _new()
    if loop in _lasting:
        _lasting[loop] = reader
        yield reader
        return
    try:
        yield reader
    finally:
        await reader.close()


def _new() -> EventReader:
    configured = settings.EVENT_READER
    return cast("EventReader", import_string(configured["BACKEND"])(**configured["OPTIONS"]))
