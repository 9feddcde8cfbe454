"""Verification: compare the ledger with the event store, batch by batch, and name every event that differs."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db.models import Sum
from django.utils.timezone import now

from events.fingerprint import fingerprints
from events.store import Digest
from kit.measure import count, gauge
from outbox import query
from outbox.event_store import event_store, wait_for
from outbox.history import by_ledger, cursor
from outbox.ledger import read_batch
from outbox.models import OutboxBatch

log = structlog.get_logger(__name__)

_RECENT = timedelta(minutes=15)
# Batches compared by one question to the store.
_PAGE = 500
_FIRST = UUID(int=0)
_STRAYS_AT_MOST = 1000
_STORE_PAGE = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How the store's copy of one batch differs from what was settled.

    `unnamed` counts differences that cannot be put down to an event any more: the outbox's slot has been rotated.
    """

    batch_id: UUID
    missing: Sequence[str] = ()
    repeated: Sequence[str] = ()
    changed: Sequence[str] = ()
    unexpected: Sequence[str] = ()
    unnamed: int = 0


@dataclass(slots=True)
class Verification:
    """The sum of a verification; it is in order when nothing differs, strays or is unknown.

    A stray is an event in the outbox that the sealer takes for sealed and no batch holds (a thousand at most). A batch
    is unknown if the store has rows of it and the ledger does not know it: the ledger was restored from a backup, or
    somebody else writes into the store.
    """

    batches: int = 0
    events: int = 0
    differences: list[Difference] = field(default_factory=list)
    strays: Sequence[str] = ()
    unknown_batches: list[UUID] = field(default_factory=list)

    @property
    def in_order(self) -> bool:
        return not (self.differences or self.strays or self.unknown_batches)


def settled(*, since: datetime) -> tuple[int, int]:
    """How many batches and events there are to verify."""
    delivered = OutboxBatch.objects.filter(state="delivered", delivered_at__gte=since)
    return delivered.count(), delivered.aggregate(total=Sum("events"))["total"] or 0


def verify(*, since: datetime) -> Iterator[Verification]:
    """Compare all batches settled since then; yields the sum so far after every page, the whole in the end.

    Raises StoreUnavailable.
    """
    so_far = Verification(strays=_strays())
    for page in _pages(since=since):
        digests = wait_for(event_store().digests([batch["batch_id"] for batch in page]))
        for batch in page:
            so_far.batches += 1
            so_far.events += batch["events"]
            expected = Digest(rows=batch["events"], events=batch["events"], checksum=int(batch["checksum"]))
            if digests.get(batch["batch_id"]) != expected:
                so_far.differences.append(_compare(batch["batch_id"], events=batch["events"]))
        yield so_far
    so_far.unknown_batches.extend(_unknown_batches(since=since))
    yield so_far


def reconcile() -> Verification:
    """Verify what was settled since the last comparison that was in order, and log what differs as errors.

    So a comparison that could not be made leaves no hole, and a difference is found again until it is mended.
    """
    began_at = now()
    *_, found = verify(since=_begin())
    for difference in found.differences:
        log.error(
            "verification_failed",
            batch_id=difference.batch_id,
            missing=len(difference.missing),
            repeated=len(difference.repeated),
            changed=len(difference.changed),
            unexpected=len(difference.unexpected),
        )
    for batch_id in found.unknown_batches:
        log.error("unknown_batch", batch_id=batch_id)
    if found.strays:
        log.error("events_in_no_batch", events=len(found.strays), first=found.strays[0])
    by_kind = _by_kind(found)
    query.changed("reconciled", began_at=began_at, differences=sum(by_kind.values()))
    for kind, number in by_kind.items():
        count("outbox.differences", number, kind=kind)
    count("outbox.reconciliations")
    gauge("outbox.reconciled_timestamp_seconds", time.time())
    log.info("reconciled", batches=found.batches, events=found.events, differences=len(found.differences))
    return found


def _begin() -> datetime:
    """A quarter of an hour before the last comparison that was in order: a settlement may have become visible late."""
    last = query.record("reconciliation")
    assert last is not None, "outbox_reconciliation has lost its row"
    since: datetime = last["clean_at"] - _RECENT
    return since


def _by_kind(found: Verification) -> dict[str, int]:
    return {
        **{
            kind: sum(len(getattr(each, kind)) for each in found.differences)
            for kind in ("missing", "repeated", "changed", "unexpected")
        },
        "unnamed": sum(each.unnamed for each in found.differences),
        "stray": len(found.strays),
        "unknown_batch": len(found.unknown_batches),
    }


def _strays() -> list[str]:
    sealed = cursor()
    if by_ledger(sealed):
        return []  # the next sealings take them
    return [
        event_id
        for (event_id,) in query.rows(
            "strays",
            since=sealed["since"],
            were_in_progress=sealed["were_in_progress"],
            floor=sealed["floor"],
            limit=_STRAYS_AT_MOST,
        )
    ]


def _unknown_batches(*, since: datetime) -> Iterator[UUID]:
    oldest = query.record("oldest_batch")
    if oldest is None or oldest["sealed_at"] is None:
        return
    since, after = max(since, oldest["sealed_at"]), _FIRST
    while page := wait_for(event_store().batches(since=since, after=after, limit=_STORE_PAGE)):
        after = page[-1]
        yield from (batch_id for (batch_id,) in query.rows("unknown_batches", batch_ids=list(page)))


def _pages(*, since: datetime) -> Iterator[list[Mapping[str, Any]]]:
    after_delivered_at, after_batch_id = since, _FIRST
    while page := list(
        query.records(
            "settled_batches",
            since=since,
            after_delivered_at=after_delivered_at,
            after_batch_id=after_batch_id,
            page=_PAGE,
        )
    ):
        yield page
        after_delivered_at, after_batch_id = page[-1]["delivered_at"], page[-1]["batch_id"]


def _compare(batch_id: UUID, *, events: int) -> Difference:
    """Hold the store's events against the outbox's, one by one."""
    stored = wait_for(event_store().stored(batch_id))
    recorded = read_batch(batch_id).events
    expected = dict(zip(recorded.event_id, fingerprints(recorded), strict=True))
    complete = len(expected) == events
    repeated = [event_id for event_id, copies in stored.items() if len(copies) > 1]
    return Difference(
        batch_id=batch_id,
        missing=[event_id for event_id in expected if event_id not in stored],
        repeated=repeated,
        changed=[event_id for event_id, copies in stored.items() if set(copies) != {expected.get(event_id, copies[0])}],
        unexpected=[event_id for event_id in stored if complete and event_id not in expected],
        unnamed=0 if complete else abs(events - len(stored)) or int(not repeated),
    )
