"""Adoption: enter batches into the ledger again that the store has and a failover or a restore made us forget.

Their events would otherwise be sealed anew under other names, and be repeated in the store. An adopted batch is
delivered like any other: the attempt asks the store, finds all of it, sends nothing and settles.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from outbox import query
from outbox.cursor import become_sealer, cursor
from outbox.event_store import event_store, wait_for

log = structlog.get_logger(__name__)

# How far the clocks of writers, database and store may be apart.
_CLOCKS_APART = timedelta(hours=1)
_FIRST = UUID(int=0)
_PAGE = 1000


def adopt() -> bool:
    """Adopt what there is to adopt, and let the sealer sweep up the rest; False if it is to be tried again.

    Until it has been done, only events recorded since the re-basing are sealed. Raises StoreUnavailable.
    """
    if not cursor()["adopt"]:
        return True
    orphans = query.record("orphans")
    assert orphans is not None
    adopted = 0
    if orphans["events"]:
        for batch_id in _lost_batches(orphans):
            held = _enter(batch_id, orphans=orphans)
            if held is None:
                return False
            adopted += held
    if not _finish():
        return False
    log.critical("lost_batches_adopted", orphans=orphans["events"], adopted=adopted)
    return True


def _lost_batches(orphans: Mapping[str, Any]) -> Iterator[UUID]:
    """Batches that the ledger does not know, of events as old as the orphans."""
    since, until, after = orphans["oldest"] - _CLOCKS_APART, orphans["newest"] + _CLOCKS_APART, _FIRST
    while page := wait_for(event_store().batches(since=since, until=until, after=after, limit=_PAGE)):
        after = page[-1]
        yield from (batch_id for (batch_id,) in query.rows("unknown_batches", batch_ids=list(page)))


def _enter(batch_id: UUID, *, orphans: Mapping[str, Any]) -> int | None:
    """The number of orphans that were in the lost batch and are so again; None if somebody else is sealing."""
    event_ids = list(wait_for(event_store().stored(batch_id)))
    with transaction.atomic(durable=True):
        if not become_sealer():
            return None
        found = query.record(
            "adopt", batch_id=batch_id, event_ids=event_ids, first=orphans["first"], last=orphans["last"]
        )
    assert found is not None
    if found["events"]:
        log.critical("batch_adopted", batch_id=batch_id, events=found["events"], stored=len(event_ids))
    return int(found["events"])


def _finish() -> bool:
    with transaction.atomic(durable=True):
        return become_sealer() and bool(query.changed("adopted"))
