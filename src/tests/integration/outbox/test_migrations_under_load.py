"""Both databases are migrated while the application writes, and whatever a migration must wait for, writers go on."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL
from django.db.migrations.recorder import MigrationRecorder
from psycopg.errors import LockNotAvailable, QueryCanceled

from core.management.commands import migrate
from core.postgresql import schema
from core.settings.environment import SOURCE
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
    """How many transactions the writers have committed, and for how long at most none of them could."""

    # It tells half a second from a lock that is waited for without end, on a machine that is busy as well.
    LONGEST_GAP = 20.0

    def __init__(self) -> None:
        self.committed, self.longest_gap = 0, 0.0
        self._last, self._lock = time.monotonic(), Lock()

    def committed_one(self) -> None:
        with self._lock:
            self.committed += 1
            self._look()

    def end(self) -> None:
        """The last wait counts, too."""
        with self._lock:
            self._look()
        assert self.longest_gap < self.LONGEST_GAP, f"nobody could write for {self.longest_gap:.1f} s"

    def _look(self) -> None:
        now = time.monotonic()
        self._last, self.longest_gap = now, max(self.longest_gap, now - self._last)

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
                progress.committed_one()
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
    progress.end()


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


def test_a_lock_that_is_waited_for_longer_would_be_noticed(monkeypatch):
    monkeypatch.setattr(schema, "LOCK_TIMEOUT", "10s")
    monkeypatch.setattr(Progress, "LONGEST_GAP", 1.0)
    with pytest.raises(AssertionError, match="nobody could write for"):
        _write_behind_a_migration_that_waits(seconds=1.5)


def _write_behind_a_migration_that_waits(*, seconds: float) -> None:
    with closing(reader("outbox_event")) as holder, writers() as progress, ThreadPoolExecutor(1) as thread:
        assert progress.goes_on()
        altered = thread.submit(_alter_the_outbox)
        time.sleep(seconds)
        holder.rollback()
        altered.result()


def _alter_the_outbox() -> None:
    try:
        with transaction.atomic():
            with connection.schema_editor(atomic=True) as editor:
                editor.execute("ALTER TABLE outbox_event ADD COLUMN tenant text")
            transaction.set_rollback(True)
    finally:
        connection.close()


OURS = [
    migration
    for (app, _), migration in MigrationLoader(None).disk_migrations.items()
    if type(migration).__module__.startswith(f"{app}.migrations.") and (SOURCE / app).is_dir()
]
NOT_ATOMIC = [migration for migration in OURS if not migration.atomic]


def test_there_are_migrations_that_are_not_atomic():
    assert len(OURS) >= 7
    assert [str(migration) for migration in NOT_ATOMIC] == ["outbox.0004_foremost_batches"]


@pytest.mark.parametrize("migration", NOT_ATOMIC, ids=str)
def test_one_that_is_not_atomic_is_one_operation_that_may_be_begun_again(migration):
    """It is broken off in the middle, by a crash or a lock that is not to be had, and `migrate` begins it anew."""
    first, second = (re.sub(r"--.*", "", statement).split() for statement in _statements(migration))
    # What an attempt has left is good for nothing; `CREATE INDEX … IF NOT EXISTS` would keep it.
    assert first[:5] == ["DROP", "INDEX", "CONCURRENTLY", "IF", "EXISTS"]
    assert second[:3] == ["CREATE", "INDEX", "CONCURRENTLY"]
    assert second[3] == first[5]


@pytest.mark.parametrize("was_broken_off", [False, True])
def test_one_that_is_not_atomic_is_begun_again_over_what_it_has_left(was_broken_off):
    MigrationRecorder(connection).record_unapplied("outbox", "0004_foremost_batches")
    if was_broken_off:
        _break_off(*_statements(NOT_ATOMIC[0]))
    assert _is_valid("outbox_batch_foremost") is not was_broken_off
    call_command("migrate", verbosity=0)
    assert _is_valid("outbox_batch_foremost")
    assert applied() == newest()


def _statements(migration: Migration) -> list[str]:
    (operation,) = migration.operations
    assert isinstance(operation, RunSQL), "AddIndexConcurrently does not get over the broken index of its first attempt"
    return [str(statement) for statement in operation.sql]


def _break_off(drop: str, create: str) -> None:
    """Make the index and lose patience with a transaction that is older: an index is left that is good for nothing."""
    with in_another_session() as session:
        session.execute(drop)
        session.execute("SET statement_timeout = '500ms'")
        with closing(reader("outbox_batch")), pytest.raises(QueryCanceled):
            session.execute(create)


def _is_valid(index: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [index])
        return bool(cursor.fetchone()[0])


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
