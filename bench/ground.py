"""The ground every measurement stands on: a database and an event_log of its own, made and dropped.

It runs on the throwaway stack of `make bench`, or on the servers in the environment.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import uuid4

_RECORD = """
    INSERT INTO outbox_event (
        event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id, trace_context
    )
    SELECT gen_random_uuid(), 'bench_noticed', now(), 'bench',
        '{"number":' || n || ',"text":"' || repeat('x', %(bytes)s) || '"}', 1, '42', gen_random_uuid()::text, ''
    FROM generate_series(1, %(events)s) AS n
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table: what was measured, and what it is to be held against."""

    what: str
    measured: str
    compared: str = ""


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
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_RECORD, {"events": events, "bytes": payload_bytes})


def empty() -> None:
    """Forget all events, here and in ClickHouse."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE outbox_event, outbox_batch, outbox_quarantine")
        cursor.execute("UPDATE outbox_cursor SET snapshot = pg_current_snapshot(), floor = 0, sweep = false")
    clickhouse("TRUNCATE TABLE event_log")


def clickhouse(query: str) -> list[tuple[Any, ...]]:
    """Run a query with another vendor's client."""
    from clickhouse_driver import Client

    client = Client(
        host=os.environ["CLICKHOUSE_HOST"],
        port=os.environ.get("CLICKHOUSE_PORT", "9000"),
        user=os.environ.get("CLICKHOUSE_USER", "default"),
        password=os.environ.get("CLICKHOUSE_PASSWORD", ""),
        database=os.environ["CLICKHOUSE_DATABASE"],
    )
    try:
        return list(client.execute(query) or [])
    finally:
        client.disconnect()


def _url(settings: dict[str, Any]) -> str:
    login = f"{settings['USER']}:{settings['PASSWORD']}" if settings["PASSWORD"] else settings["USER"]
    return f"postgres://{login}@{settings['HOST']}:{settings['PORT'] or 5432}/{settings['NAME']}"
