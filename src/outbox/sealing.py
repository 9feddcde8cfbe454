"""Sealing: freeze the membership of batches, durably, before anything is sent.

Rows become visible when their transaction commits, not in the order of their ids. So the sealer goes by snapshots:
what this one sees and the last one did not is new. See docs/outbox.md for the argument.
"""

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import connection, transaction

from kit.errors import DomainError
from kit.span import span
from outbox import query

log = structlog.get_logger(__name__)

# The key of the sealer's advisory lock: "outbox" as a number.
_SEALER = int.from_bytes(b"outbox", "big")
# Greater than every transaction id: nothing is new by its transaction.
_NEVER = str(2**64 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What one pass did; `more` says that its limit left something for the next."""

    batches: int
    events: int
    more: bool


def seal() -> Sealing | None:
    """Seal all that was committed since the last pass, up to the limit; None if somebody else is sealing now."""
    with span("outbox.seal"), transaction.atomic(durable=True):
        if not _become_sealer():
            return None
        cursor = query.record("cursor")
        assert cursor is not None, "outbox_cursor has lost its row"
        if cursor["same_cluster"]:
            sealing = _seal(since=cursor["since"], were_in_progress=cursor["were_in_progress"], floor=cursor["floor"])
        else:
            sealing = _rebase()
    if sealing.batches:
        log.info("outbox_sealed", batches=sealing.batches, events=sealing.events, more=sealing.more)
    return sealing


def seal_all() -> Sealing | None:
    """Seal until nothing is left; None if somebody else was sealing."""
    batches = events = 0
    while sealing := seal():
        batches, events = batches + sealing.batches, events + sealing.events
        if not sealing.more:
            return Sealing(batches=batches, events=events, more=False)
    return None


def _become_sealer() -> bool:
    lock = query.record("lock_sealer", key=_SEALER)
    assert lock is not None
    if lock["isolation"] != "read committed":
        raise IsolationTooStrict(isolation=lock["isolation"])
    return bool(lock["locked"])


def _seal(*, since: str, were_in_progress: list[str], floor: int, rebase: bool = False) -> Sealing:
    # Rounded up, so that a full batch of small events has exactly OUTBOX_BATCH_ROWS.
    row_weight = -(-settings.OUTBOX_BATCH_BYTES // settings.OUTBOX_BATCH_ROWS)
    sealed = query.record(
        "seal",
        since=since,
        were_in_progress=were_in_progress,
        floor=floor,
        rebase=rebase,
        limit=settings.OUTBOX_SEAL_LIMIT,
        row_weight=row_weight,
        batch_weight=row_weight * settings.OUTBOX_BATCH_ROWS,
    )
    assert sealed is not None
    return Sealing(batches=sealed["batches"], events=sealed["events"], more=sealed["more"])


def _rebase() -> Sealing:
    """Start again in a cluster whose transaction ids are not the cursor's, losing and repeating nothing.

    Writers are held for a moment, so that no row is half-way between the old reckoning and the new one; then what no
    batch holds is sealed, and rows up to the highest id are never again judged by their transaction id.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '5s'")
    query.changed("hold_writers")
    query.changed("advance_ids")
    sealing = _seal(since=_NEVER, were_in_progress=[], floor=0, rebase=True)
    log.critical(
        "outbox_rebased",
        reason="the database was restored into, or replicated to, another cluster",
        batches=sealing.batches,
        events=sealing.events,
    )
    return sealing


class IsolationTooStrict(DomainError):
    """Sealing needs the isolation level READ COMMITTED, not {isolation}.

    Its statement must see all that was committed before it got the lock; set no other level in DATABASES.
    """
