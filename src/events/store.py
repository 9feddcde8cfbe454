"""The port to whatever keeps the events for good: five calls and two errors, because the relay has two decisions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import ClassVar, Protocol
from uuid import UUID

import xxhash

from kit.errors import DomainError


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Events by column, as they are read from the outbox and written to a store; all of one length and order.

    `event_id` is a UUID as canonical text, and `occurred_us` is microseconds since 1970 in UTC: objects of either kind
    would cost a worker a quarter of its time.
    """

    event_id: Sequence[str]
    event_type: Sequence[str]
    occurred_us: Sequence[int]
    environment: Sequence[str]
    context: Sequence[str]
    metadata_version: Sequence[int]
    actor_id: Sequence[str]
    request_id: Sequence[str]
    trace_id: Sequence[str]
    span_id: Sequence[str]

    def __len__(self) -> int:
        return len(self.event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A sealed set of events of one month, in its order for ever.

    `token` names exactly this membership: a store that has seen it takes the append for a repeat.
    """

    batch_id: UUID
    token: str
    events: Columns

    def without(self, event_ids: Collection[str]) -> "Batch":
        """The same batch less these events, under a token of its own (the same one for the same remainder)."""
        keep = [i for i, event_id in enumerate(self.events.event_id) if event_id not in event_ids]
        rest = {f.name: [getattr(self.events, f.name)[i] for i in keep] for f in fields(Columns)}
        membership = xxhash.xxh128_hexdigest(b"".join(UUID(event_id).bytes for event_id in rest["event_id"]))
        return replace(self, token=f"{self.token}-{membership}", events=Columns(**rest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What the ledger or a store says of one batch in three numbers, so that a missing, repeated or altered row shows.

    `rows` counts every copy and `events` each event once; `checksum` is the sum of the fingerprints of all rows,
    modulo 2**64 (see `events.fingerprint`).
    """

    rows: int
    events: int
    checksum: int


class EventStore(Protocol):
    """Keeps events for good. Every call raises StoreUnavailable when the store cannot answer now."""

    async def append(self, batch: Batch) -> None:
        """Keep the batch, whole or not at all; appending it twice leaves it once. Raises StoreRefused, too."""

    async def stored(self, batch_id: UUID) -> Mapping[str, Sequence[int]]:
        """What the store has of this batch: by event id, the fingerprint of each copy."""

    async def digests(self, batch_ids: Collection[UUID]) -> Mapping[UUID, Digest]:
        """The digest of each of these batches of which the store has anything."""

    async def batches(self, *, since: datetime, after: UUID, limit: int) -> Sequence[UUID]:
        """A page of the batches of which the store got anything since then: those after this id, in a fixed order."""

    async def batches_between(self, *, oldest: datetime, newest: datetime, after: UUID, limit: int) -> Sequence[UUID]:
        """A page of the batches with an event that occurred between these, both included; likewise in order."""


class ProvisionedEventStore(EventStore, Protocol):
    """A store as its operator sees it: with tables to be made and connections to be given back."""

    async def migrate(self) -> list[str]:
        """Create or update the tables; the names of the migrations applied now."""

    async def check(self) -> None:
        """Pass if the tables are as they must be. Raises StoreMisconfigured."""

    async def close(self) -> None:
        """Give connections back; the store can be used again afterwards."""


class StoreError(DomainError):
    """What a call of the store can raise; `kind` and `code` are for metrics, which have no room for a reason."""

    kind: ClassVar[str]

    @property
    def code(self) -> str:
        """The store's own code, or the kind of trouble there was on the way to it."""
        return str(self.details.get("code", "none"))


class StoreUnavailable(StoreError):
    """The event store cannot do this now: {reason}. Nothing is lost; the batch waits and is tried again."""

    kind = "unavailable"


class StoreMisconfigured(StoreUnavailable):
    """The event store is not set up as it must be: {reason}. Batches wait until it is mended."""

    kind = "misconfigured"


class StoreRefused(StoreError):
    """The event store refuses the data itself: {reason}."""

    kind = "refused"
