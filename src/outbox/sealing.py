"""Sealing: freeze the membership of batches, durably, before anything is sent.

Rows become visible when their transaction commits, not in the order of their ids. So the sealer goes by snapshots:
what this one sees and the last one did not is new. See docs/outbox.md for the argument.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import OperationalError
from psycopg.errors import LockNotAvailable

from kit.errors import DomainError
from kit.span import span
from outbox import query

log = structlog.get_logger(__name__)

# The key of the sealer's advisory lock: "outbox" as a number.
_SEALER = int.from_bytes(b"outbox", "big")
# Recording waits no longer than this for a re-basing, and is left alone for the pause after one that failed.
_REBASE_PATIENCE = "200ms"
_REBASE_PAUSE = 30.0
_rebase_again_at = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What one pass did; `more` says that its limit left something for the next."""

    batches: int
    events: int
    more: bool


def seal() -> Sealing | None:
    """Seal all that was committed since the last pass, up to the limit; None if it is not to be done just now.

    That is while somebody else is sealing, or while writers cannot be held after a move to another cluster.
    """
    with span("outbox.seal"):
        try:
            sealing = _seal_visible()
        except MovedToAnotherCluster:
            return seal() if _rebase() else None
    if sealing is not None and sealing.batches:
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


def sweep() -> None:
    """Have the next sealing also take what is neither new nor in any batch, such as rows written by hand."""
    query.changed("sweep")


def demand_read_committed() -> None:
    """Pass if every statement sees what was committed before it. Raises IsolationTooStrict."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_isolation')")
        row = cursor.fetchone()
    isolation = row[0] if row else ""
    if isolation != "read committed":
        raise IsolationTooStrict(isolation=isolation)


def _seal_visible() -> Sealing | None:
    with transaction.atomic(durable=True):
        if not _become_sealer():
            return None
        cursor = _cursor()
        if not cursor["same_cluster"]:
            raise MovedToAnotherCluster
        return _seal(cursor)


def _become_sealer() -> bool:
    demand_read_committed()
    lock = query.record("lock_sealer", key=_SEALER)
    assert lock is not None
    return bool(lock["locked"])


def _cursor() -> Mapping[str, Any]:
    cursor = query.record("cursor")
    assert cursor is not None, "outbox_cursor has lost its row"
    return cursor


def _seal(cursor: Mapping[str, Any]) -> Sealing:
    # Rounded up, so that a full batch of small events has exactly OUTBOX_BATCH_ROWS.
    row_weight = -(-settings.OUTBOX_BATCH_BYTES // settings.OUTBOX_BATCH_ROWS)
    sealed = query.record(
        "seal",
        since=cursor["since"],
        were_in_progress=cursor["were_in_progress"],
        floor=cursor["floor"],
        sweep=cursor["sweep"],
        limit=settings.OUTBOX_SEAL_LIMIT,
        row_weight=row_weight,
        batch_weight=row_weight * settings.OUTBOX_BATCH_ROWS,
    )
    assert sealed is not None
    return Sealing(batches=sealed["batches"], events=sealed["events"], more=sealed["more"])


def _rebase() -> bool:
    """Start to count anew in a cluster whose transaction ids are not the cursor's; False if writers are in the way.

    Writers are held while no row may be half-way between the old reckoning and the new one: for a few milliseconds,
    and they are waited for no longer than that, for whoever waits for a lock keeps everybody behind it waiting.
    """
    global _rebase_again_at  # noqa: PLW0603 -- the patience is this process's
    if time.monotonic() < _rebase_again_at:
        return False
    try:
        with transaction.atomic(durable=True):
            if not _become_sealer() or _cursor()["same_cluster"]:
                return True  # somebody else has done it, or is at it
            _hold_writers()
            query.changed("advance_ids")
            query.changed("rebase")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        _rebase_again_at = time.monotonic() + _REBASE_PAUSE
        log.critical("outbox_rebase_waits", reason="a transaction that has recorded events is still open")
        return False
    log.critical("outbox_rebased", reason="the database was restored into, or replicated to, another cluster")
    return True


def _hold_writers() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{_REBASE_PATIENCE}'")
    query.changed("hold_writers")


class MovedToAnotherCluster(DomainError):
    """The cursor's transaction ids are another cluster's: re-base before sealing anything by them."""


class IsolationTooStrict(DomainError):
    """Sealing and rotating need the isolation level READ COMMITTED, not {isolation}.

    A statement must see all that was committed before it got its lock; set no other level in DATABASES.
    """
