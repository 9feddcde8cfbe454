"""The sealer's cursor: what the last sealing saw, in which history of which cluster, and who may move it.

Transaction ids mean something within one history only: a restore into another cluster begins another one, and so does
the promotion of a standby.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from kit.errors import DomainError
from outbox import query

# The key of the sealer's advisory lock: "outbox" as a number.
_SEALER = int.from_bytes(b"outbox", "big")


def cursor() -> Mapping[str, Any]:
    """The one row, with `same_history`: whether its transaction ids are this cluster's, on this timeline."""
    found = query.record("cursor")
    assert found is not None, "outbox_cursor has lost its row"
    return found


def become_sealer() -> bool:
    """Be the only sealer until the transaction ends; False if somebody else is. Raises IsolationTooStrict."""
    demand_read_committed()
    lock = query.record("lock_sealer", key=_SEALER)
    assert lock is not None
    return bool(lock["locked"])


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
