"""The outbox on a real PostgreSQL, emptied before each test, and sessions that write to it at the same time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from clickhouse_driver import Client
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from events.event import Event
from events.stores.memory import MemoryEventStore
from outbox import event_store, ledger, relay
from outbox.breaker import Breaker
from outbox.client import EventLogClient
from outbox.sealing import seal

FRESH_CURSOR = """
    UPDATE outbox_cursor
    SET
        snapshot = pg_current_snapshot(), floor = 0, sweep = false, rebase = false, adopted = '{}',
        adopting_since = NULL, adopt_at = 'infinity', timeline = outbox_timeline(),
        cluster = (SELECT system_identifier FROM pg_control_system())
"""


class Noticed(Event, name="test_noticed", version=1):
    """Something for tests to record."""

    number: int
    text: str = ""


@pytest.fixture(autouse=True)
def _empty_outbox(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here depends on commits, so no test runs in a transaction of its own; the tables are not managed."""
    monkeypatch.setattr(relay, "breaker", Breaker())
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE outbox_event, outbox_batch, outbox_quarantine")
        cursor.execute(FRESH_CURSOR)
        cursor.execute("UPDATE outbox_reconciliation SET clean_at = statement_timestamp(), differences = 0")


@pytest.fixture
def memory_store(settings: Any) -> Iterator[MemoryEventStore]:
    settings.EVENT_STORE = {"BACKEND": "events.stores.memory.MemoryEventStore", "OPTIONS": {}}
    event_store._store.cache_clear()
    store = event_store.event_store()
    assert isinstance(store, MemoryEventStore)
    yield store
    event_store._store.cache_clear()


@pytest.fixture
def refused(memory_store: MemoryEventStore) -> Any:
    """The batch of the one event, number 13, that the store refused."""
    record(13)
    seal()
    lease = ledger.lease(owner="test")
    ledger.quarantine(lease, reason="The event store refuses the data itself: poison.")
    return lease.batch_id


@pytest.fixture
def delivered(memory_store: MemoryEventStore) -> MemoryEventStore:
    """The store of two batches, of three events and of two."""
    record(1, 2, 3)
    seal()
    record(4, 5)
    seal()
    relay.deliver_due(seconds=10)
    return memory_store


def record(*numbers: int, text: str = "") -> None:
    """Record these numbers in one committed transaction."""
    with transaction.atomic():
        EventLogClient.record_many([Noticed(number=number, text=text) for number in numbers])


def outbox(*arguments: str) -> tuple[int, str]:
    """The exit code and the output of `manage.py outbox …`."""
    out = StringIO()
    try:
        call_command("outbox", *arguments, stdout=out, stderr=StringIO())
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue()
    return 0, out.getvalue()


def batches() -> list[dict[str, Any]]:
    """The ledger, in the order of sealing."""
    return fetch("SELECT * FROM outbox_batch ORDER BY sealed_at, month, lower(ids)")


def sealed_numbers() -> list[list[int]]:
    """The numbers of the recorded events, by batch."""
    found = fetch(
        """
        SELECT b.batch_id, array_agg((e.context::jsonb ->> 'number')::int ORDER BY e.id) AS numbers
        FROM outbox_batch b JOIN outbox_event e ON e.id <@ b.ids
        GROUP BY b.batch_id, b.sealed_at, b.month ORDER BY b.sealed_at, b.month, min(e.id)
        """
    )
    return [row["numbers"] for row in found]


def fetch(sql: str, *parameters: Any) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def execute(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)


INSERT = """
    INSERT INTO outbox_event (
        event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id, trace_context
    )
    SELECT gen_random_uuid(), 'test_noticed', now(), 'test', json_build_object('number', number), 1, '', '', ''
    FROM unnest(%s::int[]) AS number
"""


class Writer:
    """Another session of the database, with its own open transaction."""

    def __init__(self) -> None:
        self._connection = psycopg.connect(**connect_options())

    def record(self, *numbers: int) -> "Writer":
        self._connection.execute(INSERT, (list(numbers),))
        return self

    def execute(self, sql: str) -> "Writer":
        self._connection.execute(sql)
        return self

    def commit(self) -> None:
        self._connection.commit()

    def rollback(self) -> None:
        self._connection.rollback()

    def prepare(self, name: str) -> None:
        """End the session's transaction in the first phase of a two-phase commit."""
        self._connection.execute(f"PREPARE TRANSACTION '{name}'")
        self._connection.close()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def writer() -> Iterator[Callable[[], Writer]]:
    opened: list[Writer] = []

    def open_one() -> Writer:
        opened.append(Writer())
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def connect_options() -> dict[str, Any]:
    database = settings.DATABASES["default"]
    name = connection.settings_dict["NAME"]
    return {
        "host": database["HOST"],
        "port": database["PORT"] or 5432,
        "user": database["USER"],
        "password": database["PASSWORD"] or None,
        "dbname": name,
    }


@contextmanager
def in_another_session() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(**connect_options(), autocommit=True) as session:
        yield session


@pytest.fixture
def clickhouse(settings: Any) -> Iterator[Client]:
    """ClickHouse with an event_log in a database of this test's own, seen through another vendor's client."""
    options = {**settings.EVENT_STORE["OPTIONS"], "database": f"test_outbox_{uuid4().hex[:12]}"}
    settings.EVENT_STORE = {**settings.EVENT_STORE, "OPTIONS": options}
    event_store._store.cache_clear()
    call_command("migrate_event_store", stdout=StringIO())
    client = Client(
        host=options["host"], port=options["port"], user=options["user"], password=options["password"],
        database=options["database"],
    )  # fmt: skip
    yield client
    client.execute(f"DROP DATABASE {options['database']}")
    client.disconnect()
    event_store.wait_for(event_store.event_store().close())
    event_store._store.cache_clear()
