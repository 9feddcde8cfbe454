"""The ground every measurement stands on: a database and an event_log of its own, made and dropped.

It runs on the throwaway stack of `make bench`, or on the servers in the environment.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from uuid import uuid4

# Half of a payload is text that every event has, half of it is the event's own: neither all alike nor all noise. One of
# many megabytes is one kilobyte over and over.
_RECORD = """
    INSERT INTO outbox_event (
        event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id, trace_context
    )
    SELECT gen_random_uuid(), 'bench_noticed', clock_timestamp(), 'bench',
        '{"number":' || n || ',"text":"' || left(repeat(own.text, %(bytes)s / 1024 + 1), %(bytes)s) || '"}', 1, '42',
        gen_random_uuid()::text, ''
    FROM generate_series(1, %(events)s) AS n
    CROSS JOIN LATERAL (
        SELECT string_agg(md5(n || ':' || part) || ' was noticed by all who read it; ', '') AS text
        FROM generate_series(1, least(%(bytes)s, 1024) / 64 + 1) AS part
    ) AS own
"""
# Events of twelve types and a thousand people, spread over the last hour.
_FILL = """
    INSERT INTO event_log (
        event_type, event_date_time, environment, event_context, metadata_version, event_id, actor_id, request_id,
        trace_id, span_id, batch_id
    )
    SELECT 'bench_noticed_' || toString(number %% 12), now64(6) - toIntervalMicrosecond(3.6e9 * number / %(events)d),
        'bench', '{"number":' || toString(number) || ',"text":"' || repeat(hex(cityHash64(number)), 16) || '"}', 1,
        generateUUIDv4(number), toString(number %% 1000), toString(generateUUIDv4(number + 1)),
        '', '', generateUUIDv4()
    FROM numbers(%(events)d)
"""
# Transaction ids begin at 3: to a sealer who has seen nothing but those below, all is new.
BEFORE_EVERYTHING = "3:3:"


@contextmanager
def prepared() -> Iterator[None]:
    """Django with an empty database, and an empty event_log."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    database = f"bench_{uuid4().hex[:12]}"
    settings.EVENT_STORE["OPTIONS"]["database"] = database
    before = setup_databases(verbosity=0, interactive=False)
    try:
        # Processes that a measurement starts are to find the same.
        os.environ["DATABASE_URL"] = _url(connection.settings_dict)
        os.environ["CLICKHOUSE_DATABASE"] = database
        call_command("migrate_event_store", stdout=StringIO())
        yield
    finally:
        teardown_databases(before, verbosity=0)
        clickhouse(f"DROP DATABASE IF EXISTS {database}")


def record(events: int, *, payload_bytes: int = 270) -> None:
    """Record so many events of this size in one transaction."""
    execute(_RECORD, {"events": events, "bytes": payload_bytes})


def record_in_chunks(events: int, *, payload_bytes: int = 270, chunk: int = 10_000) -> None:
    """Record so many events, a transaction for each chunk; then look at them once, as PostgreSQL does in time."""
    for first in range(0, events, chunk):
        record(min(chunk, events - first), payload_bytes=payload_bytes)
    execute("VACUUM (ANALYZE) outbox_event")


def fill_event_log(events: int) -> None:
    """Have so many events in ClickHouse, past the outbox."""
    clickhouse(_FILL % {"events": events})


def empty() -> None:
    """Forget all events, here and in ClickHouse."""
    execute("TRUNCATE outbox_event, outbox_batch, outbox_quarantine")
    execute("UPDATE outbox_cursor SET snapshot = pg_current_snapshot(), floor = 0, sweep = false")
    clickhouse("TRUNCATE TABLE event_log")


def snapshot() -> str:
    """What a sealer who sealed just now would have seen."""
    return str(execute("SELECT pg_current_snapshot()")[0][0])


def unseal(*, since: str = BEFORE_EVERYTHING) -> None:
    """Forget what was sealed and delivered since then, so that the same events can be sealed and delivered anew."""
    from django.db import transaction

    with transaction.atomic():
        execute("UPDATE outbox_cursor SET snapshot = %(since)s::pg_snapshot", {"since": since})
        if since == BEFORE_EVERYTHING:
            execute("TRUNCATE outbox_batch, outbox_quarantine")
        else:
            execute("DELETE FROM outbox_batch WHERE state = 'sealed'")
    if since == BEFORE_EVERYTHING:
        clickhouse("TRUNCATE TABLE event_log")


def execute(query: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Run a statement in PostgreSQL."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall()) if cursor.description else []


def clickhouse(query: str) -> list[tuple[Any, ...]]:
    """Run a query with another vendor's client."""
    client = clickhouse_client()
    try:
        return list(client.execute(query) or [])
    finally:
        client.disconnect()


def clickhouse_client() -> Any:
    """That client, connected to the event_log's database."""
    from clickhouse_driver import Client

    return Client(
        host=os.environ["CLICKHOUSE_HOST"],
        port=os.environ.get("CLICKHOUSE_PORT", "9000"),
        user=os.environ.get("CLICKHOUSE_USER", "default"),
        password=os.environ.get("CLICKHOUSE_PASSWORD", ""),
        database=os.environ["CLICKHOUSE_DATABASE"],
    )


def _url(settings: dict[str, Any]) -> str:
    login = f"{settings['USER']}:{settings['PASSWORD']}" if settings["PASSWORD"] else settings["USER"]
    return f"postgres://{login}@{settings['HOST']}:{settings['PORT'] or 5432}/{settings['NAME']}"
