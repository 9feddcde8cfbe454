"""Re-basing: begin to count anew when the database's history is not the one that the cursor was taken in.

That is after dump and restore, logical replication or blue/green deployment (another cluster), and after a failover or
a restore to a point in time (another timeline). See docs/outbox.md.
"""

import time

import structlog
from django.db import connection, transaction
from django.db.utils import OperationalError
from psycopg.errors import LockNotAvailable

from outbox import query
from outbox.cursor import become_sealer, cursor

log = structlog.get_logger(__name__)

# Recording waits no longer than this for a re-basing, and is left alone for the pause after one that failed.
_PATIENCE = "200ms"
_PAUSE = 30.0
_again_at = 0.0


def rebase() -> bool:
    """Move the cursor into the present history; False if writers are in the way.

    Writers are held while no row may be half-way between the old reckoning and the new one: for a few milliseconds,
    and they are waited for no longer than that, for whoever waits for a lock keeps everybody behind it waiting.

    Of what was sealed and delivered in the lost end of the old history this ledger knows nothing. So every waiting
    batch's next attempt asks the store first, and before the rest is swept up, `adoption` asks for lost batches.
    """
    global _again_at  # noqa: PLW0603 -- the patience is this process's
    if time.monotonic() < _again_at:
        return False
    try:
        with transaction.atomic(durable=True):
            if not become_sealer() or cursor()["same_history"]:
                return True  # somebody else has done it, or is at it
            _hold_writers()
            query.changed("advance_ids")
            query.changed("rebase")
            query.changed("doubt")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        _again_at = time.monotonic() + _PAUSE
        log.critical("outbox_rebase_waits", reason="a transaction that has recorded events is still open")
        return False
    log.critical("outbox_rebased", reason="the database failed over, or was restored or replicated to another cluster")
    return True


def _hold_writers() -> None:
    with connection.cursor() as sql:
        sql.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    query.changed("hold_writers")
