"""Rotation: truncate a slot whose events are all settled and past retention. The ledger, the proof, is kept longer.

A slot that is not finished is left alone and takes the new day's events as well, so an outage of any length loses
nothing, and recording never depends on this having run.
"""

import structlog
from django.conf import settings
from django.db import connection

from outbox import query
from outbox.history import demand_read_committed
from outbox.locking import LockRefused, patient_transaction

log = structlog.get_logger(__name__)

# A writer waits no longer than this for a slot that is about to be truncated.
_PATIENCE = 1.0


def rotate() -> list[int]:
    """Truncate every slot that is finished; returns their numbers. A slot in use is passed over until the next time."""
    return [slot["slot"] for slot in list(_finished()) if _truncate(slot["slot"])]


def prune() -> int:
    """Forget ledger entries past OUTBOX_LEDGER_RETENTION, in small steps; returns how many."""
    pruned = 0
    while step := query.changed("prune", retention=settings.OUTBOX_LEDGER_RETENTION):
        pruned += step
    if pruned:
        log.info("ledger_pruned", batches=pruned)
    return pruned


def _finished() -> list[dict[str, int]]:
    return [dict(slot) for slot in query.records("finished_slots", retention=settings.OUTBOX_RETENTION)]


def _truncate(slot: int) -> bool:
    try:
        with patient_transaction(seconds=_PATIENCE):
            demand_read_committed()
            # Writers are kept out of this old slot while it is looked at, readers only for the truncation itself.
            _lock(slot, mode="SHARE ROW EXCLUSIVE")
            if not _is_finished(slot):
                return False
            _lock(slot, mode="ACCESS EXCLUSIVE")
            if _is_undelivered(slot):  # by a replay that has come in between
                return False
            with connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE outbox_event_slot_{slot:d}")
    except LockRefused:
        log.info("slot_held_back", slot=slot, by=["a session that uses it"])
        return False
    log.info("slot_rotated", slot=slot)
    return True


def _lock(slot: int, *, mode: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE outbox_event_slot_{slot:d} IN {mode} MODE")


def _is_finished(slot: int) -> bool:
    found = query.record("slot_holds_back", slot=slot, retention=settings.OUTBOX_RETENTION)
    assert found is not None
    held_back_by = [kind for kind, holds in found.items() if holds]
    if _is_undelivered(slot):
        held_back_by.append("undelivered")
    if held_back_by:
        log.info("slot_held_back", slot=slot, by=held_back_by)
    return not held_back_by


def _is_undelivered(slot: int) -> bool:
    return bool(query.rows("slot_undelivered", slot=slot)[0][0])
