"""The event store in use, one object a process, and the one bridge from synchronous code into its async calls."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import wait
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

from events.store import ProvisionedEventStore

# A cache alone would let two threads start two loops.
_starting = threading.Lock()


def event_store() -> ProvisionedEventStore:
    """The store that settings.EVENT_STORE names."""
    with _starting:
        return _store(os.getpid())


def wait_for[Result](
    call: Coroutine[Any, Any, Result], *, meanwhile: Callable[[], None] | None = None, every: float | None = None
) -> Result:
    """Run a call of the store on this process's event loop and wait for its result.

    The loop lives as long as the process, because the store's connections belong to it. It starts on first use, so
    that forked workers have one each. Interrupting the wait (a soft time limit, Ctrl-C) cancels the call, and so does
    an error of what is to be done `meanwhile`, each time so many seconds have passed.
    """
    with _starting:
        loop = _loop(os.getpid())
    future = asyncio.run_coroutine_threadsafe(call, loop)
    try:
        while meanwhile and not wait([future], timeout=every).done:
            meanwhile()
        return future.result()
    except BaseException:
        future.cancel()
        raise


@cache
def _store(_pid: int) -> ProvisionedEventStore:
    configured = settings.EVENT_STORE
    return cast("ProvisionedEventStore", import_string(configured["BACKEND"])(**configured["OPTIONS"]))


@cache
def _loop(_pid: int) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="event-store", daemon=True).start()
    return loop
