"""Both databases are migrated while the application writes, and whatever a migration must wait for, writers go on."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from psycopg.errors import LockNotAvailable

from core.management.commands import migrate
from outbox import migrations
from outbox.relay import deliver_due
from outbox.sealing import seal_all
from outbox.turn import turn
from tests.integration.outbox.conftest import Writer, batches, in_another_session, record
from tests.integration.outbox.test_once import assert_every_event_is_stored_once, recorded

FIRST = "0001_outbox"


@pytest.fixture
def at_first_schema(monkeypatch):
    """The outbox as its first migration left it; in the end it is as it should be again."""
    monkeypatch.setattr(migrate, "_PAUSE_SECONDS", 0.1)
    call_command("migrate", "outbox", FIRST, verbosity=0)
    yield
    call_command("migrate", verbosity=0)


def applied() -> set[str]:
    return {name for app, name in MigrationLoader(connection).applied_migrations if app == "outbox"}


def newest() -> set[str]:
    return {name for app, name in MigrationLoader(connection).disk_migrations if app == "outbox"}


class Progress:
    """How many transactions the writers have committed."""

    committed = 0

    def goes_on(self, *, by: int = 20) -> bool:
        """Whether so many more are committed; it waits for them."""
        target, deadline = self.committed + by, time.monotonic() + 20
        while self.committed < target and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.committed >= target


@contextmanager
def writers() -> Iterator[Progress]:
    """Four record, each in transactions of its own, while the block runs."""
    progress, over = Progress(), Flag()

    def write() -> None:
        try:
            while not over.is_set():
                record(1, 2)
                progress.committed += 1
                time.sleep(0.005)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        working = [threads.submit(write) for _ in range(4)]
        try:
            yield progress
        finally:
            over.set()
        for each in working:
            each.result()


def reader(*tables: str) -> Writer:
    """A session that has read these tables and whose transaction goes on, as a dump's does."""
    session = Writer().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    for table in tables:
        session.execute(f"SELECT count(*) FROM {table}")
    return session


class Migrating:
    """`manage.py migrate` in a thread; what it says can be waited for."""

    def __init__(self) -> None:
        self.says = StringIO()
        self.error: Exception | None = None
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            call_command("migrate", verbosity=0, stdout=self.says, stderr=self.says)
        except Exception as error:  # noqa: BLE001 -- it is looked at by the test
            self.error = error
        finally:
            connection.close()

    def has_given_way(self, *, times: int) -> bool:
        deadline = time.monotonic() + 30
        while self.says.getvalue().count("waits for a lock") < times and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.says.getvalue().count("waits for a lock") >= times

    def end(self) -> None:
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        assert self.error is None, self.error


def test_writers_go_on_while_the_outbox_is_migrated_from_its_first_schema(at_first_schema, clickhouse):
    assert applied() == {FIRST}
    with writers() as progress:
        assert progress.goes_on()
        migrating = Migrating()
        assert progress.goes_on()
        migrating.end()
        assert progress.goes_on()
    assert applied() == newest()
    seal_all()
    deliver_due(seconds=30)
    assert len(recorded()) == 2 * progress.committed
    assert_every_event_is_stored_once(clickhouse)


def test_writers_go_on_while_a_migration_must_wait_for_a_long_transaction(at_first_schema, clickhouse):
    holder = reader("outbox_event", "outbox_batch", "outbox_cursor")
    with writers() as progress:
        migrating = Migrating()
        assert migrating.has_given_way(times=3)
        assert progress.goes_on()
        assert applied() == {FIRST}
        assert re.search(r"longest in a transaction: pid \d+ \(", migrating.says.getvalue())
        holder.rollback()
        migrating.end()
        assert progress.goes_on()
    holder.close()
    assert applied() == newest()
    seal_all()
    deliver_due(seconds=30)
    assert_every_event_is_stored_once(clickhouse)


def test_even_one_that_wants_the_table_of_events_itself_holds_writers_up_only_briefly():
    holder = reader("outbox_event")
    with writers() as progress:
        assert progress.goes_on()
        for _ in range(2):
            with pytest.raises(OperationalError) as refused, connection.schema_editor() as editor:
                editor.execute("ALTER TABLE outbox_event ADD COLUMN tenant text")
            assert isinstance(refused.value.__cause__, LockNotAvailable)
            assert progress.goes_on()
    holder.rollback()
    holder.close()


def test_a_migration_that_never_gets_its_lock_says_so_and_leaves_nothing_half_done(at_first_schema, monkeypatch):
    monkeypatch.setattr(migrate, "_ATTEMPTS", 2)
    holder = reader("outbox_cursor")
    with pytest.raises(CommandError, match="could not be had") as given_up:
        call_command("migrate", verbosity=0, stderr=StringIO())
    assert given_up.value.returncode == 3
    assert applied() == {FIRST}
    holder.rollback()
    holder.close()


def test_new_code_on_the_old_schema_records_and_what_it_recorded_is_delivered_after_the_migration(
    at_first_schema, clickhouse
):
    record(1, 2, 3)
    with pytest.raises(ProgrammingError):
        turn(seconds=1)  # a worker that is started too early does nothing, and says so every second
    assert batches() == []
    call_command("migrate", verbosity=0)
    turn(seconds=5)
    assert [batch["state"] for batch in batches()] == ["delivered"]
    assert_every_event_is_stored_once(clickhouse)


# What code of the first schema did, word for word: it goes on for as long as a release is being rolled out.
OLD_RECORD = """
    INSERT INTO outbox_event (
        event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id, trace_context
    )
    VALUES (gen_random_uuid(), 'test_noticed', now(), 'test', '{"number": 1}', 1, '', '', '')
"""
OLD_LEASE = """
    WITH due AS MATERIALIZED (
        SELECT batch_id FROM outbox_batch WHERE state = 'sealed' AND due_at <= statement_timestamp()
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox_batch AS batch
    SET owner = 'old', fence = fence + 1, attempts = attempts + 1, due_at = statement_timestamp() + interval '60 s'
    FROM due WHERE batch.batch_id = due.batch_id
    RETURNING batch.batch_id, fence, attempts, replays, events, bytes
"""
OLD_SETTLE = """
    UPDATE outbox_batch
    SET
        state = 'delivered', delivered_at = statement_timestamp(), checksum = coalesce(checksum, 7),
        owner = NULL, reason = NULL
    WHERE batch_id = %s AND fence = %s AND state = 'sealed'
"""


def test_old_code_on_the_new_schema_records_leases_and_settles():
    with in_another_session() as old:
        old.execute(OLD_RECORD)
        seal_all()
        batch_id, fence, attempts, replays, events, _bytes = old.execute(OLD_LEASE).fetchone()
        assert (fence, attempts, replays, events) == (1, 1, 0, 1)
        assert old.execute(OLD_SETTLE, (batch_id, fence)).rowcount == 1
    assert [batch["state"] for batch in batches()] == ["delivered"]


LATER = sorted(path for path in Path(migrations.__file__).parent.glob("*.sql") if not path.name.startswith("0001"))


@pytest.mark.parametrize("file", LATER, ids=lambda file: file.stem)
def test_a_migration_only_adds_so_that_the_release_before_it_can_go_on(file):
    text = re.sub(r"--.*", "", file.read_text())
    assert not re.search(r"\b(DROP|RENAME|ALTER COLUMN|SET NOT NULL|TRUNCATE|LOCK TABLE)\b", text, re.IGNORECASE)
    for column in re.findall(r"ADD COLUMN ([^,;]+)", text):
        assert "NOT NULL" not in column or "DEFAULT" in column
    for index in re.findall(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)[^;]+", text):
        table = re.search(r"\bON (\w+)", index)[1]
        assert f"CREATE TABLE {table}" in text, "an index on a table in use is made CONCURRENTLY"
