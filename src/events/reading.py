"""The port for reading events back: a page of those that match, the newest first, and one event by its id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import DomainError


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as a store has it. `context` is the JSON that was recorded; texts that are not known are empty."""

    event_id: UUID
    event_type: str
    occurred_at: datetime
    environment: str
    context: str
    metadata_version: int
    actor_id: str
    request_id: str
    trace_id: str
    span_id: str

    @property
    def place(self) -> "Place":
        return Place(occurred_at=self.occurred_at, event_id=self.event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an event stands among all of them: by its time; those of one microsecond in an order of the store's own."""

    occurred_at: datetime
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events: those that match all that is said here. `until` is the first moment that is too late."""

    event_types: Sequence[str] = ()
    environment: str = ""
    actor_id: str = ""
    request_id: str = ""
    trace_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some events, the newest first; it is the last one if there is certainly nothing behind them."""

    events: Sequence[StoredEvent]
    is_last: bool


class EventReader(Protocol):
    """Reads what a store has. Every call raises StoreUnavailable when the store cannot answer, and TooMuchToRead."""

    async def page(self, wanted: Wanted, *, after: Place | None, limit: int) -> Page:
        """At most so many events that match, each once, from behind a place on; fewer if they are very large."""

    async def event(self, event_id: UUID) -> StoredEvent | None:
        """The event, if the store has it."""

    async def close(self) -> None:
        """Give connections back; the reader can be used again afterwards."""


class TooMuchToRead(DomainError):
    """Too many events would have to be looked through: narrow the time (since, until), name more, or ask for fewer."""
