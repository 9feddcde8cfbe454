"""Replaying: deliver settled batches again, on purpose. What the store still has is not sent twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from outbox import query

log = structlog.get_logger(__name__)

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What was made due again; `rotated` batches cannot be, for the outbox no longer has their events."""

    batches: int
    events: int
    rotated: int


def replay(batch_ids: Sequence[UUID]) -> Replay:
    """Make these delivered batches due again.

    The next attempt asks the store what it has of each and sends the rest, under a token that no earlier delivery
    had: so it repeats nothing in a store that is complete, and fills one that has lost rows or been emptied.
    """
    replayed = query.rows("replay", batch_ids=list(batch_ids))
    found = Replay(
        batches=len(replayed),
        events=sum(events for _batch_id, events in replayed),
        rotated=len(batch_ids) - len(replayed),
    )
    log.warning("batches_replayed", batches=found.batches, events=found.events, rotated=found.rotated)
    return found


def delivered_between(*, since: datetime, until: datetime) -> Iterator[list[UUID]]:
    """The delivered batches that were sealed in this span of time, page by page."""
    after_sealed_at, after_batch_id = since, UUID(int=0)
    while page := query.rows(
        "replayable_batches",
        since=since, until=until, after_sealed_at=after_sealed_at, after_batch_id=after_batch_id, page=_PAGE,
    ):  # fmt: skip
        yield [batch_id for batch_id, _sealed_at in page]
        after_batch_id, after_sealed_at = page[-1]
