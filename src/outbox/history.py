"""The cursor and its history: transaction ids mean something within one cluster, on one timeline of it only.

A restore into another cluster begins another history, and so does the promotion of a standby, whose ledger may lack
its end. A change is noticed before anything else is sealed or leased; then `adoption` asks the store what it has, and
`rebasing` moves the cursor if the ids are another cluster's.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from kit.errors import DomainError
from outbox import query

log = structlog.get_logger(__name__)

# The key of the sealer's advisory lock: "outbox" as a number.
_SEALER = int.from_bytes(b"outbox", "big")
# What a worker of the lost history is still sending may arrive for as long as its lease, and a little for the last
# INSERT that it began within it.
_LEASES_UNTIL_ALL_HAS_LANDED = 1.5


def cursor() -> Mapping[str, Any]:
    """The one row, with `same_history`: whether its history is the present one, or the change has been noticed."""
    found = query.record("cursor")
    assert found is not None, "outbox_cursor has lost its row"
    return found


def by_ledger(at: Mapping[str, Any]) -> bool:
    """Whether only the ledger can say what is sealed, because the cursor does not tell (yet, or for all rows)."""
    return bool(at["rebase"] or at["sweep"] or at["adopting_since"] or at["adopted"] != "{}" or not at["same_history"])


def is_held(at: Mapping[str, Any]) -> bool:
    """Whether nothing is sealed or delivered, because the database has moved and the event store is to be asked."""
    return bool(not at["same_history"] or at["adopting_since"] is not None or at["rebase"])


def become_sealer() -> bool:
    """Be the only sealer until the transaction ends; False if somebody else is. Raises IsolationTooStrict."""
    demand_read_committed()
    lock = query.record("lock_sealer", key=_SEALER)
    assert lock is not None
    return bool(lock["locked"])


def notice() -> None:
    """Hold sealing and leasing until the store has been asked, if the history has changed since the last sealing."""
    with transaction.atomic(durable=True):
        if not become_sealer() or cursor()["same_history"]:
            return  # somebody else is at it, or has done it
        grace = settings.OUTBOX_LEASE_SECONDS * _LEASES_UNTIL_ALL_HAS_LANDED
        noticed = suspect(grace=grace)
    log.critical("history_changed", other_cluster=noticed["rebase"], held_for_seconds=grace)


def suspect(*, grace: float) -> Mapping[str, Any]:
    """Take it that the end of the ledger may be missing; the store may be asked after so many seconds."""
    query.changed("doubt")
    noticed = query.record("notice", grace=grace)
    assert noticed is not None
    return noticed


def demand_read_committed() -> None:
    """Pass if every statement sees what was committed before it. Raises IsolationTooStrict."""
    with connection.cursor() as sql:
        sql.execute("SELECT current_setting('transaction_isolation')")
        row = sql.fetchone()
    isolation = row[0] if row else ""
    if isolation != "read committed":
        raise IsolationTooStrict(isolation=isolation)


class IsolationTooStrict(DomainError):
    """Sealing and rotating need the isolation level READ COMMITTED, not {isolation}.

    A statement must see all that was committed before it got its lock; set no other level in DATABASES.
    """
