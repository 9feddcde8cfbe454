"""Sealing: freeze the membership of batches, durably, before anything is sent.

Rows become visible when their transaction commits, not in the order of their ids. So the sealer goes by snapshots:
what this one sees and the last one did not is new. See docs/outbox.md for the argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from kit.errors import DomainError
from kit.measure import count
from kit.span import span
from outbox import query
from outbox.history import become_sealer, cursor, notice
from outbox.rebasing import rebasing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What one pass did; `more` says that its limit left something for the next."""

    batches: int
    events: int
    more: bool


def seal() -> Sealing | None:
    """Seal all that was committed since the last pass, up to the limit; None if it is not to be done just now.

    That is while somebody else is sealing, until the store has been asked after a failover (see `history`), and while
    writers cannot be held after a move to another cluster.
    """
    with span("outbox.seal"):
        try:
            sealing = _seal_visible()
        except HistoryChanged:
            notice()
            return None
        except AnotherCluster:
            return seal() if rebasing.attempt() else None
    if sealing is not None and sealing.batches:
        count("outbox.batches_sealed", sealing.batches)
        count("outbox.events_sealed", sealing.events)
        log.info("outbox_sealed", batches=sealing.batches, events=sealing.events, more=sealing.more)
    return sealing


def seal_all() -> Sealing | None:
    """Seal until nothing is left; None if it cannot be done just now."""
    batches = events = 0
    while sealing := seal():
        batches, events = batches + sealing.batches, events + sealing.events
        if not sealing.more:
            return Sealing(batches=batches, events=events, more=False)
    return None


def sweep() -> None:
    """Have the next sealing also take what is neither new nor in any batch, such as rows written by hand."""
    query.changed("sweep")


def _seal_visible() -> Sealing | None:
    with transaction.atomic(durable=True):
        if not become_sealer():
            return None
        since = cursor()
        if not since["same_history"]:
            raise HistoryChanged
        if since["adopting_since"]:
            return None
        if since["rebase"]:
            raise AnotherCluster
        return _seal(since)


def _seal(since: Mapping[str, Any]) -> Sealing:
    sealed = query.record(
        "seal",
        since=since["since"],
        were_in_progress=since["were_in_progress"],
        floor=since["floor"],
        adopted=since["adopted"],
        sweep=since["sweep"],
        limit=settings.OUTBOX_SEAL_LIMIT,
        **cut(rows=settings.OUTBOX_BATCH_ROWS, payload=settings.OUTBOX_BATCH_BYTES),
    )
    assert sealed is not None
    return Sealing(batches=sealed["batches"], events=sealed["events"], more=sealed["more"])


def cut(*, rows: int, payload: int) -> dict[str, int]:
    """How `seal.sql` cuts batches of at most so many rows, and of so many bytes of payload.

    It cuts between stretches of neighbouring ids, a power of two and at most a hundredth of a batch, so that a batch of
    10,000 lacks 62 at most. One of fewer than 200 rows is cut row by row.
    """
    bits = min(5, max(1, rows // 100).bit_length() - 1)
    stretch = 1 << bits
    row_weight = -(-payload // rows)  # rounded up: small events are cut by rows alone
    return {
        "bits": bits,
        "mask": stretch - 1,
        "whole": (1 << stretch) - 1,
        "row_weight": row_weight,
        # Of rows that are just not heavy, a stretch is a sixth of a batch at most (from 100 rows on), at 10,000 a
        # twentieth.
        "heavy": 16 * row_weight,
        # A batch ends with the stretch that begins within this.
        "batch_weight": row_weight * (rows - stretch + 1),
    }


class HistoryChanged(DomainError):
    """The cursor was taken in another history: the store is to be asked before anything is sealed by it."""


class AnotherCluster(DomainError):
    """The cursor's transaction ids are another cluster's: re-base before sealing anything by them."""
