"""Answers ASGI's lifespan messages, on which Django raises: warms up at the start, closes what is open in the end."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

import structlog
from asgiref.sync import sync_to_async
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.urls import get_resolver

from core import observability
from core.observability import metrics
from event_log import reader

if TYPE_CHECKING:
    from core.observability.metrics.pool import PoolWatch

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

log = structlog.get_logger()

_watch: "PoolWatch | None" = None


def with_lifespan(application: Application) -> Application:
    """The application, which starts and stops when the server says so."""

    async def living(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        await receive()
        try:
            await sync_to_async(_start)()
        except Exception as error:
            log.exception("start_failed")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await reader.keep()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await reader.give_back()
        await sync_to_async(_stop)()
        await send({"type": "lifespan.shutdown.complete"})

    return living


def _start() -> None:
    """Load the views and begin to open connections, so that the first request need not; a database may come later."""
    observability.start()
    _ = get_resolver().url_patterns
    global _watch  # noqa: PLW0603 -- a process starts once
    if (postgres := _pooled()) is not None:
        postgres.pool.open()
        _watch = metrics.watch(postgres.pool)
    metrics.listen()


def _stop() -> None:
    """Close and send what is open: Uvicorn ends by the signal that it was sent, so nothing runs at Python's exit."""
    if _watch is not None:
        _watch.stop()
    if (postgres := _pooled()) is not None:
        postgres.close_pool()
    observability.stop()


def _pooled() -> DatabaseWrapper | None:
    """The thread's connection to PostgreSQL, if connections come from a pool."""
    postgres = connections["default"]
    if isinstance(postgres, DatabaseWrapper) and postgres.settings_dict["OPTIONS"].get("pool"):
        return postgres
    return None
