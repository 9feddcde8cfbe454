"""Re-basing: begin to count by this cluster's transaction ids, after those of another one meant nothing here."""

import time

import structlog

from outbox import query
from outbox.history import become_sealer, cursor
from outbox.locking import LockRefused, patient_transaction

log = structlog.get_logger(__name__)


class Rebasing:
    """One a process. It holds writers for milliseconds, once it has them; it waits for them longer with every failure.

    Nobody records while it waits. So it begins with a fifth of a second, ends with less than a web request waits for a
    lock, and leaves writers alone in between for thirty times as long.
    """

    _SHORTEST, _LONGEST, _PAUSE = 0.2, 3.2, 30.0

    def __init__(self) -> None:
        self._patience = self._SHORTEST
        self._again_at = 0.0

    def attempt(self) -> bool:
        """Move the cursor into the present cluster; False if others are in the way, or it is too early to try again."""
        if time.monotonic() < self._again_at:
            return False
        try:
            self._rebase()
        except LockRefused:
            self._again_at = time.monotonic() + self._PAUSE * self._patience
            log.critical("outbox_rebase_waits", reason="another session holds a lock on the outbox", s=self._patience)
            self._patience = min(2 * self._patience, self._LONGEST)
            return False
        self._patience = self._SHORTEST
        return True

    def _rebase(self) -> None:
        """Between the locks and the commit no row may be half-way between the old reckoning and the new one."""
        with patient_transaction(seconds=self._patience):
            if not become_sealer() or not cursor()["rebase"]:
                return  # somebody else has done it, or is at it
            sealed = query.record("last_sealed_id")
            assert sealed is not None
            query.changed("hold_writers")
            query.changed("advance_ids", next_id=sealed["next_id"])
            query.changed("rebase")
        log.critical("outbox_rebased", reason="the database was restored into, or replicated to, another cluster")


rebasing = Rebasing()
