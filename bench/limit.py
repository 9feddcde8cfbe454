"""The limit: ClickHouse's own engine pulls the same rows by its `postgresql()` table function.

C++ from end to end, into a table of event_log's shape: one COPY and one INSERT, no batches, no ledger, no proof. With
BENCH_ROWS it writes a part for so many rows, as batches do; parts cost something by themselves, and so do their merges.
Production does without it, because nothing in ClickHouse shall pull from us: the store may be another one some day.
"""

import os
from uuid import uuid4

from django.db import connection

from bench.ground import clickhouse, execute

_SOURCE = """
    CREATE OR REPLACE VIEW bench_limit AS
    SELECT event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id,
        substr(trace_context, 4, 32) AS trace_id, substr(trace_context, 37, 16) AS span_id
    FROM outbox_event
"""
_PULL = """
    INSERT INTO bench_limit (
        event_id, event_type, event_date_time, environment, event_context, metadata_version,
        actor_id, request_id, trace_id, span_id, batch_id
    )
    SELECT event_id, event_type, occurred_at, environment, context, metadata_version,
        actor_id, request_id, trace_id, span_id, '{batch_id}'
    FROM postgresql('{server}', '{database}', 'bench_limit', '{user}', '{password}')
    SETTINGS insert_deduplicate = 0, external_table_functions_use_nulls = 0{parts}
"""
_PARTS = (
    ", max_block_size = {rows}, max_insert_block_size = {rows}, min_insert_block_size_rows = {rows}"
    ", min_insert_block_size_bytes = 0"
)


def prepare() -> None:
    execute(_SOURCE)
    clickhouse("CREATE TABLE IF NOT EXISTS bench_limit AS event_log")


def fill(events: int) -> None:
    """Have all that is recorded before it."""
    recorded = execute("SELECT count(*) FROM outbox_event")[0][0]
    assert recorded == events, f"{recorded} events are recorded, not {events}"
    clickhouse("TRUNCATE TABLE bench_limit")


def add(events: int) -> None:
    raise NotImplementedError("it pulls all there is, so there can be nothing more")


def begin() -> None:
    """Nothing comes first."""


def drain() -> None:
    where = connection.settings_dict
    clickhouse(
        _PULL.format(
            batch_id=uuid4(),
            server=f"{where['HOST']}:{where['PORT'] or 5432}",
            database=where["NAME"],
            user=where["USER"],
            password=where["PASSWORD"],
            parts=_PARTS.format(rows=os.environ["BENCH_ROWS"]) if "BENCH_ROWS" in os.environ else "",
        )
    )


def arrived() -> int:
    return int(clickhouse("SELECT count() FROM bench_limit")[0][0])
