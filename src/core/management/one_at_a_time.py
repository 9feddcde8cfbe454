"""Commands that change the schema take turns, from however many hosts they are started.

The lock is PostgreSQL's. It belongs to a transaction that a session of its own keeps open: so it holds through
PgBouncer in transaction mode, too, and who dies gives it back. Nobody waits for it inside of PostgreSQL: an index that
is made concurrently waits for every statement that runs, and one that waits for the index's migration would never end.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import IsolationLevel

_PAUSE_SECONDS = 1.0
_SAID_AGAIN_SECONDS = 60.0

_TAKE = "SELECT pg_try_advisory_xact_lock(%s)"
# That its transaction is idle for long is its purpose. It has no snapshot, so it holds up no vacuum.
_STAY = """
    SELECT
        set_config('application_name', %s, true),
        set_config('idle_in_transaction_session_timeout', '0', true),
        set_config('transaction_timeout', '0', true)
"""
_HOLDER = """
    SELECT CASE
        WHEN xact_start IS NULL THEN format('pid %%s, of another role', pid)
        ELSE format('pid %%s, from %%s, for %%s s', pid, coalesce(host(client_addr), 'the same host'),
            extract(epoch FROM statement_timestamp() - xact_start)::int)
    END
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND datname = current_database()
        AND classid::bigint << 32 | objid::bigint = %s
"""


@contextmanager
def one_at_a_time(name: str, *, say: Callable[[str], Any], database: str = "default") -> Iterator[None]:
    """Run the block when no other of this name runs on this database; until then `say` whose end is waited for.

    Raises OperationalError.
    """
    session = connections[database].copy()
    session.settings_dict["OPTIONS"].pop("pool", None)  # it is kept for long, and a small pool has none to spare
    try:
        session.set_autocommit(False)
        # In a stricter one its transaction would have a snapshot, for which an index made concurrently waits.
        session.connection.isolation_level = IsolationLevel.READ_COMMITTED
        _wait(session, name=name, say=say)
        yield
    finally:
        with suppress(Error):  # the session may be gone; if not, the next one need not wait until it is
            session.rollback()
        session.close()


def title(name: str) -> str:
    """What the session that has the lock is called in pg_stat_activity."""
    return f"manage.py {name}, others wait"


def _wait(session: BaseDatabaseWrapper, *, name: str, say: Callable[[str], Any]) -> None:
    key, said_at = int.from_bytes(name.encode(), "big"), float("-inf")
    while _rows(session, _TAKE, key) != [(True,)]:
        if time.monotonic() - said_at >= _SAID_AGAIN_SECONDS:
            said_at = time.monotonic()
            who = ", ".join(holder for (holder,) in _rows(session, _HOLDER, key)) or "it ends just now"
            say(f"somebody else runs {name}: this one waits until it is through ({who})")
        session.rollback()
        time.sleep(_PAUSE_SECONDS)
    _rows(session, _STAY, title(name))


def _rows(session: BaseDatabaseWrapper, statement: str, parameter: int | str) -> list[tuple[Any, ...]]:
    with session.cursor() as cursor:
        cursor.execute(statement, [parameter])
        return list(cursor.fetchall())
