"""A store for unit tests, and its reader: keeps events in a dictionary, and is done for when the process is."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from events.fingerprint import checksum, fingerprints
from events.reading import Page, Place, StoredEvent, Wanted
from events.store import Batch, Columns, Digest, StoreRefused

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryEventStore:
    """Keeps fingerprints by batch and event; like the real one it knows a repeat by the batch's token."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._fingerprints: dict[UUID, dict[str, list[int]]] = {}
        self._occurred_us: dict[UUID, list[int]] = {}
        self.events: list[StoredEvent] = []

    async def append(self, batch: Batch) -> None:
        """Keep the batch, unless this token has been seen. Raises StoreRefused."""
        if batch.token in self._tokens or not batch.events:
            return
        _demand_canonical(batch.events.event_id)
        self._tokens.add(batch.token)
        self.events += _stored(batch.events)
        kept = self._fingerprints.setdefault(batch.batch_id, {})
        self._occurred_us.setdefault(batch.batch_id, []).extend(batch.events.occurred_us)
        for event_id, fingerprint in zip(batch.events.event_id, fingerprints(batch.events), strict=True):
            kept.setdefault(event_id, []).append(fingerprint)

    async def stored(self, batch_id: UUID) -> Mapping[str, Sequence[int]]:
        """By event id, the fingerprint of each copy."""
        return {event_id: list(copies) for event_id, copies in self._fingerprints.get(batch_id, {}).items()}

    async def digests(self, batch_ids: Collection[UUID]) -> Mapping[UUID, Digest]:
        """The digest of each of these batches that it has."""
        return {batch_id: self._digest(batch_id) for batch_id in batch_ids if batch_id in self._fingerprints}

    async def batches(self, *, since: datetime, after: UUID, limit: int) -> Sequence[UUID]:  # noqa: ARG002 -- the port's
        """A page of the batches that it has, by their ids; it does not know since when."""
        return sorted(batch_id for batch_id in self._fingerprints if batch_id > after)[:limit]

    async def batches_between(self, *, oldest: datetime, newest: datetime, after: UUID, limit: int) -> Sequence[UUID]:
        """A page of the batches with an event from this span of time, by their ids."""
        first, last = ((at - _EPOCH) // timedelta(microseconds=1) for at in (oldest, newest))
        return sorted(
            batch_id
            for batch_id, moments in self._occurred_us.items()
            if batch_id > after and any(first <= moment <= last for moment in moments)
        )[:limit]

    async def check(self) -> None:
        """There is nothing that could be set up wrongly."""

    async def migrate(self) -> list[str]:
        """There is no schema."""
        return []

    async def close(self) -> None:
        """There are no connections; what was appended stays."""

    def _digest(self, batch_id: UUID) -> Digest:
        copies = self._fingerprints[batch_id].values()
        hashes = [fingerprint for of_event in copies for fingerprint in of_event]
        return Digest(rows=len(hashes), events=len(copies), checksum=checksum(hashes))


class MemoryEventReader:
    """Reads what such a store has been given."""

    def __init__(self, store: MemoryEventStore) -> None:
        self._store = store

    async def page(self, wanted: Wanted, *, after: Place | None, limit: int) -> Page:
        """At most so many events that match, each once, the newest first."""
        by_place = {_order(event.place): event for event in self._store.events if _matches(event, wanted)}
        behind = [place for place in sorted(by_place, reverse=True) if after is None or place < _order(after)]
        return Page(events=[by_place[place] for place in behind[:limit]], is_last=len(behind) <= limit)

    async def event(self, event_id: UUID) -> StoredEvent | None:
        """The event, if the store has it."""
        return next((event for event in self._store.events if event.event_id == event_id), None)

    async def close(self) -> None:
        """There are no connections."""


def _stored(events: Columns) -> list[StoredEvent]:
    return [
        StoredEvent(
            event_id=UUID(events.event_id[i]),
            occurred_at=_EPOCH + timedelta(microseconds=events.occurred_us[i]),
            **{
                name: getattr(events, name)[i]
                for name in (
                    "event_type", "environment", "context", "metadata_version",
                    "actor_id", "request_id", "trace_id", "span_id",
                )
            },
        )
        for i in range(len(events))
    ]  # fmt: skip


def _order(place: Place) -> tuple[datetime, UUID]:
    return place.occurred_at, place.event_id


def _matches(event: StoredEvent, wanted: Wanted) -> bool:
    return (
        (not wanted.event_types or event.event_type in wanted.event_types)
        and all(
            getattr(wanted, name) in ("", getattr(event, name))
            for name in ("environment", "actor_id", "request_id", "trace_id")
        )
        and (wanted.since is None or wanted.since <= event.occurred_at)
        and (wanted.until is None or event.occurred_at < wanted.until)
    )


def _demand_canonical(event_ids: Sequence[str]) -> None:
    """What the real one cannot give back as it came, this one refuses, too."""
    for event_id in event_ids:
        try:
            canonical = str(UUID(event_id))
        except ValueError as error:
            raise StoreRefused(reason=f"an id is not a UUID: {error}") from error
        if event_id != canonical:
            raise StoreRefused(reason="an id is not a UUID in its canonical form")
