"""The relay: lease a sealed batch, append it to the event store, settle. Any number may run on any number of hosts."""

import os
import socket
import time
from collections.abc import Coroutine, Iterator
from enum import Enum
from functools import partial
from itertools import islice
from typing import Any

import structlog
from django.conf import settings

from events.fingerprint import checksum, fingerprints
from events.store import Batch, Columns, StoreRefused, StoreUnavailable
from kit.errors import DomainError
from kit.measure import count, observe
from kit.span import Span, span
from outbox import ledger
from outbox.breaker import Breaker, backoff
from outbox.event_store import event_store, wait_for
from outbox.ledger import EventsMissing, Lease, LeaseLost

log = structlog.get_logger(__name__)
breaker = Breaker()

_MOST_LINKS = 32
_RENEWALS_A_LEASE = 3


class Outcome(Enum):
    """How one attempt ended."""

    NOTHING_DUE = "nothing due"
    DELIVERED = "delivered"
    UNAVAILABLE = "unavailable"
    SET_BACK = "set back"
    REFUSED = "refused"
    LEASE_LOST = "lease lost"


def deliver_due(*, seconds: float) -> int:
    """Deliver what is due until nothing is, the store is unavailable, or the time is up; returns how many events."""
    delivered = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not breaker.is_open:
        outcome, events = deliver_one()
        delivered += events
        if outcome in {Outcome.NOTHING_DUE, Outcome.UNAVAILABLE}:
            break
    return delivered


def deliver_one() -> tuple[Outcome, int]:
    """Make one attempt at the batch that has been due longest; returns its outcome and the events delivered."""
    lease = ledger.lease(owner=_owner())
    if lease is None:
        return Outcome.NOTHING_DUE, 0
    started = time.monotonic()
    with span("outbox.deliver", batch_id=lease.batch_id, events=lease.events, attempt=lease.attempts) as delivery:
        try:
            outcome, delivered = _deliver(lease, delivery)
        except LeaseLost:
            log.warning("lease_lost", batch_id=lease.batch_id, fence=lease.fence)
            count("outbox.leases_lost")
            outcome, delivered = Outcome.LEASE_LOST, 0
        delivery.set(outcome=outcome.value)
    observe("outbox.delivery_seconds", time.monotonic() - started, outcome=outcome.name.lower())
    return outcome, delivered


def _deliver(lease: Lease, delivery: Span) -> tuple[Outcome, int]:
    try:
        batch = ledger.read(lease)
        delivery.link(_traces(batch.events))
        _append(batch, lease=lease)
    except (EventsMissing, RemainderRefused) as error:
        _postpone(lease, str(error))
        return Outcome.SET_BACK, 0
    except StoreUnavailable as error:
        breaker.trip(error)
        _postpone(lease, str(error))
        return Outcome.UNAVAILABLE, 0
    except StoreRefused as refusal:
        count("outbox.store_errors", kind=refusal.kind, code=refusal.code)
        _set_aside(lease, refusal)
        return Outcome.REFUSED, 0
    except LeaseLost:
        raise
    except Exception as error:
        # A fault of ours. It must not stop the other batches, and an operator must see it in the ledger.
        log.exception("delivery_failed", batch_id=lease.batch_id, attempt=lease.attempts)
        _postpone(lease, f"{type(error).__name__}, see the worker's log")
        return Outcome.SET_BACK, 0
    ledger.settle(lease, checksum=checksum(fingerprints(batch.events)))
    log.info("batch_delivered", batch_id=lease.batch_id, events=lease.events, attempt=lease.attempts)
    _count_delivery(lease)
    if breaker.reset():
        ledger.hasten()
    return Outcome.DELIVERED, lease.events


def _append(batch: Batch, *, lease: Lease) -> None:
    """Append the batch; after an attempt that may have arrived, only what the store does not have."""
    store = event_store()
    if lease.attempts > 1:
        stored = _holding(lease, store.stored(batch.batch_id))
        if stored:
            log.info("batch_in_doubt", batch_id=batch.batch_id, stored=len(stored), events=len(batch.events))
            count("outbox.batches_found_stored")
            batch = batch.without(stored)
    if batch.events:
        ledger.demand(lease)
        try:
            _holding(lease, store.append(batch))
        except StoreRefused as refusal:
            _look_behind(refusal, lease=lease)


def _holding[Answer](lease: Lease, call: Coroutine[Any, Any, Answer]) -> Answer:
    """The store's answer; the lease is renewed while it takes its time.

    Else a store that takes longer than a lease would get nowhere, each attempt being overtaken by the next. Whoever is
    paused, or dead, renews nothing.
    """
    every = settings.OUTBOX_LEASE_SECONDS / _RENEWALS_A_LEASE
    return wait_for(call, meanwhile=partial(ledger.renew, lease), every=every)


def _look_behind(refusal: StoreRefused, *, lease: Lease) -> None:
    """Pass if the store has the whole batch in spite of refusing it: a materialised view behind the table has failed.

    Splitting is for batches of which it has nothing, because the halves would repeat the rest under other names.
    """
    stored = len(_holding(lease, event_store().stored(lease.batch_id)))
    if stored == 0:
        raise refusal
    if stored < lease.events:
        raise RemainderRefused(stored=stored, events=lease.events, refusal=refusal)
    log.error("stored_although_refused", batch_id=lease.batch_id, reason=str(refusal))


def _postpone(lease: Lease, reason: str) -> None:
    seconds = backoff(lease.attempts)
    ledger.postpone(lease, seconds=seconds, reason=reason)
    log.warning(
        "batch_postponed", batch_id=lease.batch_id, attempt=lease.attempts, seconds=round(seconds, 3), reason=reason
    )


def _set_aside(lease: Lease, refusal: StoreRefused) -> None:
    """Split a refused batch, until the refused event stands alone in quarantine."""
    if lease.events > 1:
        ledger.split(lease, reason=str(refusal))
        log.info("batch_split", batch_id=lease.batch_id, events=lease.events)
        count("outbox.batches_split")
    else:
        event = ledger.quarantine(lease, reason=str(refusal))
        log.error("event_quarantined", batch_id=lease.batch_id, **event, reason=str(refusal))
        count("outbox.events_quarantined")


def _count_delivery(lease: Lease) -> None:
    count("outbox.batches_delivered")
    count("outbox.events_delivered", lease.events)
    observe("outbox.batch_events", lease.events)
    observe("outbox.batch_bytes", lease.bytes)


def _traces(events: Columns) -> Iterator[str]:
    """The traceparents of the first event of each trace, of so many traces at most as a span may have links to."""
    firsts = dict(zip(reversed(events.trace_id), reversed(events.span_id), strict=True))
    for trace_id in islice(filter(None, dict.fromkeys(events.trace_id)), _MOST_LINKS):
        yield f"00-{trace_id}-{firsts[trace_id]}-01"


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


class RemainderRefused(DomainError):
    """The store has {stored} of the batch's {events} events and refuses the others: {refusal} The batch waits."""
