"""Somebody looks at one event."""

from dataclasses import dataclass
from uuid import UUID

from event_log import reading
from events.reading import StoredEvent
from kit.errors import DomainError
from kit.use_case import AsyncUseCase


@dataclass(frozen=True, kw_only=True)
class GetEvent(AsyncUseCase[StoredEvent]):
    """The event with this id. Raises EventUnknown, EventLogUnavailable, TooMuchToRead."""

    event_id: UUID

    async def execute(self) -> StoredEvent:
        async with reading.asking() as reader:
            event = await reader.event(self.event_id)
        await reading.record({"event_id": [str(self.event_id)]}, events=int(event is not None))
        if event is None:
            raise EventUnknown(event_id=self.event_id)
        return event


class EventUnknown(DomainError):
    """The event log has no event {event_id}: it never was, it is past its retention, or it is still on its way."""
