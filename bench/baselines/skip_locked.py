"""SKIP LOCKED, insert, mark processed: the queue table as the textbooks have it, for any number of workers.

Chosen in its favour: plain SQL instead of the ORM, a partial index on what is not processed, the insert by columns, one
UPDATE for all. It takes BENCH_ROWS at a time: 1,000, as it is usually written, or 10,000, as ours does. The transaction
stays open while ClickHouse is asked, because the locks are what keeps other workers away.
"""

import os
from uuid import uuid4

from django.db import connection, transaction

from bench.baselines import tables

TABLE = "bench_skip_locked"
_BATCH = int(os.environ.get("BENCH_ROWS", "1000"))
_TAKE = f"""
    SELECT event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id,
        substr(trace_context, 4, 32), substr(trace_context, 37, 16), id
    FROM {TABLE}
    WHERE processed_at IS NULL
    ORDER BY id
    LIMIT {_BATCH}
    FOR UPDATE SKIP LOCKED
"""
_MARK = f"UPDATE {TABLE} SET processed_at = now() WHERE id = ANY(%s)"


def prepare() -> None:
    tables.create(
        TABLE,
        f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS processed_at timestamptz",
        f"CREATE INDEX IF NOT EXISTS {TABLE}_pending ON {TABLE} (id) WHERE processed_at IS NULL",
    )


def fill(events: int) -> None:
    tables.fill(TABLE, events)


def add(events: int) -> None:
    tables.add(TABLE, events)


def begin() -> None:
    """Nothing comes first."""


def drain() -> None:
    while _process():
        pass


def arrived() -> int:
    return tables.arrived(TABLE)


def _process() -> bool:
    """Send a batch; whether there was one."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TAKE)
        rows = cursor.fetchall()
        if not rows:
            return False
        *columns, ids = zip(*rows, strict=True)
        data = [*columns, [uuid4()] * len(rows)]
        tables.client().execute(tables.INSERT.format(table=TABLE), data, columnar=True)
        cursor.execute(_MARK, [list(ids)])
    return True
