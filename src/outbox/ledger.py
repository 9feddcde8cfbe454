"""The ledger: the table of batches, and the only code that changes a batch's state.

Every change names the lease's fence, so a worker that comes too late changes nothing.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import lt
from typing import Any
from uuid import UUID

from django.conf import settings

from events.store import Batch, Columns
from kit.errors import DomainError
from kit.measure import count
from outbox import query

_FROM_1970_TO_2000_US = 946_684_800_000_000
_COLUMNS = tuple(column.name for column in fields(Columns))


@dataclass(slots=True, kw_only=True)
class Lease:
    """A worker's time-limited right to deliver one batch; `attempts` counts this one.

    `until` is when it runs out by this machine's clock, a little before it does by the database's.
    """

    batch_id: UUID
    fence: int
    attempts: int
    replays: int
    events: int
    bytes: int
    until: float


def lease(*, owner: str) -> Lease | None:
    """Take the batch that has been due longest; None if there is none."""
    until = _now() + settings.OUTBOX_LEASE_SECONDS
    taken = query.record("lease", owner=owner, seconds=settings.OUTBOX_LEASE_SECONDS)
    if taken is None:
        return None
    if taken["was_leased"]:
        count("outbox.leases_expired")
    return Lease(until=until, **{name: value for name, value in taken.items() if name != "was_leased"})


def renew(lease: Lease) -> None:
    """Have all of the lease's time ahead again. Raises LeaseLost."""
    until, seconds = _now() + settings.OUTBOX_LEASE_SECONDS, settings.OUTBOX_LEASE_SECONDS
    _demand(query.changed("renew", batch_id=lease.batch_id, fence=lease.fence, seconds=seconds))
    lease.until = until


def demand(lease: Lease) -> None:
    """Pass while the lease has time left: whoever was paused for longer must not send. Raises LeaseLost."""
    if _now() >= lease.until:
        raise LeaseLost


def read(lease: Lease) -> Batch:
    """The leased batch with its events. Raises EventsMissing."""
    batch = read_batch(lease.batch_id, replays=lease.replays)
    if len(batch.events) != lease.events:
        raise EventsMissing(found=len(batch.events), events=lease.events)
    return batch


def read_batch(batch_id: UUID, *, replays: int = 0) -> Batch:
    """A batch with those of its events that the outbox, or the quarantine, still has."""
    found = query.arrays("read_batch", batch_id=batch_id) or query.arrays("read_quarantined", batch_id=batch_id)
    return Batch(
        batch_id=batch_id,
        token=f"{batch_id}/{replays}" if replays else str(batch_id),
        events=_in_order(_since_1970(found)) if found else Columns(**dict.fromkeys(_COLUMNS, ())),
    )


def _since_1970(found: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """The columns with `occurred_us`; PostgreSQL would take a fifth of the read's time for this sum."""
    return {**found, "occurred_us": [moment + _FROM_1970_TO_2000_US for moment in found["occurred_at"]]}


def _in_order(found: Mapping[str, list[Any]]) -> Columns:
    """The events by their ids: those of concurrent writers lie in the table as they came."""
    ids = found["ids"]
    if all(map(lt, ids, ids[1:])):
        return Columns(**{name: found[name] for name in _COLUMNS})
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return Columns(**{name: [found[name][place] for place in order] for name in _COLUMNS})


def settle(lease: Lease, *, checksum: int) -> None:
    """Write down that the store has the batch. Raises LeaseLost, as all below do."""
    _demand(query.changed("settle", batch_id=lease.batch_id, fence=lease.fence, checksum=checksum))


def postpone(lease: Lease, *, seconds: float, reason: str) -> None:
    """Give the batch back to be tried again later."""
    _demand(query.changed("postpone", batch_id=lease.batch_id, fence=lease.fence, seconds=seconds, reason=reason))


def hasten() -> int:
    """Make everything due that waits after a failed attempt, because the store is back; returns how many batches."""
    return query.changed("hasten")


def split(lease: Lease, *, reason: str) -> None:
    """Replace a refused batch by its halves."""
    _demand(query.changed("split", batch_id=lease.batch_id, fence=lease.fence, reason=reason))


def quarantine(lease: Lease, *, reason: str) -> Mapping[str, Any]:
    """Set a batch of one refused event aside; returns the event's id and type, null if its slot was rotated."""
    event = query.record("quarantine", batch_id=lease.batch_id, fence=lease.fence, reason=reason)
    if event is None:
        raise LeaseLost
    return event


def _now() -> float:
    """Seconds that go on while the machine sleeps, where there is such a clock; never set back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _demand(changed: int) -> None:
    if not changed:
        raise LeaseLost


class LeaseLost(DomainError):
    """The lease ran out and the batch is somebody else's; what this worker found out changes nothing."""


class EventsMissing(DomainError):
    """The outbox has {found} of the batch's {events} events: somebody deleted rows or truncated a slot by hand."""
