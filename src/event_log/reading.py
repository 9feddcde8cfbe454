"""What every reading of the event log has in common: the store may be away, and who has read is on record."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from asgiref.sync import sync_to_async
from django.db import close_old_connections

from event_log.events import EventsRead
from event_log.reader import event_reader
from events.reading import EventReader
from events.store import StoreUnavailable
from kit.errors import DomainError
from outbox.client import EventLogClient

log = structlog.get_logger(__name__)

_RETRY_AFTER_SECONDS = 5


@asynccontextmanager
async def asking() -> AsyncIterator[EventReader]:
    """What to ask through. Raises EventLogUnavailable, which does not say where the store is; the log does."""
    # Gives back what looking for the person has left: there are few in the pool, and this may take seconds.
    await sync_to_async(close_old_connections, thread_sensitive=True)()
    try:
        async with event_reader() as reader:
            yield reader
    except StoreUnavailable as error:
        log.warning("event_log_unavailable", kind=error.kind, code=error.code, reason=str(error.details.get("reason")))
        raise EventLogUnavailable(retry_after=_RETRY_AFTER_SECONDS) from error


async def record(filters: Mapping[str, Sequence[str]], *, events: int) -> None:
    """Have it on record that so many events were read. Whoever cannot be put on record is shown nothing."""
    reading = EventsRead(filters={name: list(values) for name, values in filters.items()}, events=events)
    await sync_to_async(EventLogClient.record_alone, thread_sensitive=True)(reading)


class EventLogUnavailable(DomainError):
    """The event log cannot be read just now: try again in {retry_after} seconds. Nothing is lost meanwhile."""
