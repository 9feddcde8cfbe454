"""Adoption: enter batches into the ledger again that the store has and a failover or a restore made us forget.

Their events would otherwise be sealed anew under other names, and be repeated in the store. An adopted batch is
delivered like any other: the attempt asks the store, finds all of it, sends nothing and settles.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from events.store import StoreUnavailable
from outbox import query
from outbox.event_store import event_store, wait_for
from outbox.history import become_sealer, cursor

log = structlog.get_logger(__name__)

_FIRST = UUID(int=0)
_PAGE = 1000
# One statement enters about so many events; it reads the outbox between the first and the last orphan once.
_EVENTS_A_STATEMENT = 100_000
_ASK_AGAIN_AFTER = 1.0


@dataclass(slots=True, kw_only=True)
class Adoption:
    """What one asking of the store brought back into the ledger."""

    batches: int = 0
    events: int = 0


def adopt() -> Adoption | None:
    """Adopt what there is to adopt, then let sealing and delivering go on.

    None if there is nothing to do, or somebody else is at it. Raises StoreUnavailable, and everything goes on waiting.
    """
    claim = query.record("claim_adoption", seconds=settings.OUTBOX_LEASE_SECONDS)
    if claim is None:
        return None
    try:
        adopted = _ask_and_enter()
    except StoreUnavailable:
        query.changed("release_adoption", claim=claim["adopt_at"], seconds=_ASK_AGAIN_AFTER)
        raise
    if adopted is None or not _finish(claim["adopt_at"]):
        return None
    if adopted.batches:
        log.critical("lost_batches_adopted", batches=adopted.batches, events=adopted.events)
    else:
        log.info("no_batch_was_lost")
    return adopted


def _ask_and_enter() -> Adoption | None:
    since = cursor()
    orphans = query.record(
        "orphans",
        since=since["since"],
        were_in_progress=since["were_in_progress"],
        floor=since["floor"],
        rebase=since["rebase"],
        sweep=since["sweep"],
    )
    assert orphans is not None
    found = Adoption()
    if orphans["events"] == 0:
        return found
    for lost in _by_statement(_lost_batches(oldest=orphans["oldest"], newest=orphans["newest"])):
        entered = _enter(lost, first=orphans["first"], last=orphans["last"])
        if entered is None:
            return None
        found.batches += entered["batches"]
        found.events += entered["events"]
    return found


def _lost_batches(*, oldest: datetime, newest: datetime) -> Iterator[UUID]:
    """Batches of events as old as the orphans that the ledger does not know."""
    after = _FIRST
    while page := wait_for(event_store().batches_between(oldest=oldest, newest=newest, after=after, limit=_PAGE)):
        after = page[-1]
        yield from (batch_id for (batch_id,) in query.rows("unknown_batches", batch_ids=list(page)))


def _by_statement(batch_ids: Iterator[UUID]) -> Iterator[list[tuple[UUID, str]]]:
    """Each batch with each of its events, in portions for one statement."""
    portion: list[tuple[UUID, str]] = []
    for batch_id in batch_ids:
        portion += [(batch_id, event_id) for event_id in wait_for(event_store().stored(batch_id))]
        if len(portion) >= _EVENTS_A_STATEMENT:
            yield portion
            portion = []
    if portion:
        yield portion


def _enter(lost: list[tuple[UUID, str]], *, first: int, last: int) -> Mapping[str, Any] | None:
    """How many batches and events are in the ledger again; None if somebody is sealing after all."""
    with transaction.atomic(durable=True):
        if not become_sealer():
            return None
        return query.record(
            "adopt",
            batch_ids=[batch_id for batch_id, _ in lost],
            event_ids=[event_id for _, event_id in lost],
            first=first,
            last=last,
        )


def _finish(claim: datetime) -> bool:
    return bool(query.changed("finish_adoption", claim=claim))
