"""Celery's doors into the outbox. A message is a nudge: lost or repeated, it does no harm."""

import structlog
from celery import shared_task

from events.store import StoreUnavailable
from kit.measure import count
from outbox.rotation import prune, rotate
from outbox.turn import turn
from outbox.verification import reconcile

log = structlog.get_logger(__name__)

# A tick begins no other batch after this long, so a shutdown waits for this and for the attempt that is under way.
_TICK_SECONDS = 5.0


@shared_task(name="outbox.tick")
def tick() -> None:
    """Seal what has been committed and deliver what is due."""
    count("outbox.ticks")
    turn(seconds=_TICK_SECONDS)


@shared_task(name="outbox.rotate")
def rotate_slots() -> None:
    """Truncate the slots that are finished and prune the ledger."""
    rotate()
    prune()


@shared_task(name="outbox.reconcile")
def reconcile_recent() -> None:
    """Verify what was settled lately, so that a difference is noticed before an audit does."""
    try:
        reconcile()
    except StoreUnavailable as error:
        log.warning("reconciliation_postponed", reason=str(error))
