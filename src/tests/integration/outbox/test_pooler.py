"""The outbox through PgBouncer in transaction mode: more clients than connections, and nothing kept on any of them."""

import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event as Flag
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from psycopg.errors import InvalidCursorName

from core.management.one_at_a_time import one_at_a_time
from core.settings.environment import SOURCE
from outbox.history import become_sealer
from outbox.models import OutboxEvent
from outbox.relay import deliver_due, deliver_one
from outbox.rotation import rotate
from outbox.sealing import seal, seal_all
from tests.integration.outbox import pgbouncer
from tests.integration.outbox.conftest import batches, connect_options, execute, fetch, record
from tests.integration.outbox.test_once import (
    assert_every_event_is_stored_once,
    in_thread,
    keep_on,
    recorded,
    write_for_a_while,
)

pytestmark = pytest.mark.skipif(pgbouncer.PROGRAM is None, reason="there is no pgbouncer here: apt install pgbouncer")
SERVER_CONNECTIONS = 4


@dataclass(frozen=True)
class Pooler:
    port: int
    direct: dict[str, Any]  # how the server is reached past it

    @property
    def through(self) -> dict[str, Any]:
        return {**self.direct, "host": "127.0.0.1", "port": self.port}


@pytest.fixture
def pooler():
    """This process's connections go through PgBouncer, with the settings that belong to it."""
    options, direct = connect_options(), dict(connection.settings_dict)
    with pgbouncer.pgbouncer(server=options, server_connections=SERVER_CONNECTIONS) as port:
        connection.close()
        connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": str(port), "DISABLE_SERVER_SIDE_CURSORS": True}
        yield Pooler(port=port, direct=options)
        connection.close()
        connection.settings_dict |= direct


def in_other_threads(*work, seconds: float) -> None:
    """Each of these again and again in threads of its own, while eight others write for so long."""
    done, until = Flag(), time.monotonic() + seconds
    with ThreadPoolExecutor(8 + len(work)) as threads:
        background = [threads.submit(in_thread, keep_on, work=each, until_set=done) for each in work]
        writers = [threads.submit(in_thread, write_for_a_while, seed=seed, until=until) for seed in range(8)]
        for writer in writers:
            writer.result()
        done.set()
        for each in background:
            each.result()


def test_recording_sealing_leasing_and_settling_share_a_few_connections(pooler, clickhouse, settings):
    settings.OUTBOX_BATCH_ROWS = 300
    in_other_threads(seal, seal, deliver_one, deliver_one, rotate, seconds=4)
    seal_all()
    deliver_due(seconds=30)
    assert len(recorded()) > 100
    assert sum(batch["events"] for batch in batches()) == len(recorded())
    assert_every_event_is_stored_once(clickhouse)
    (sessions,) = fetch("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    assert sessions["count"] <= SERVER_CONNECTIONS


def test_the_sealers_lock_ends_with_its_transaction_whichever_connection_comes_next(pooler):
    with transaction.atomic():
        assert become_sealer()
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(in_a_transaction_of_its_own, become_sealer).result() is False
    for _ in range(3 * SERVER_CONNECTIONS):
        with transaction.atomic():
            assert become_sealer()
    assert fetch("SELECT FROM pg_locks WHERE locktype = 'advisory'") == []


def in_a_transaction_of_its_own(work):
    try:
        with transaction.atomic():
            return work()
    finally:
        connection.close()


def test_who_migrates_keeps_others_waiting_though_the_connections_are_shared(pooler):
    """A lock of a session would be on whichever connection it was taken, and let go by whoever has that one."""
    said: list[str] = []
    first, second = Flag(), Flag()

    def come_second() -> None:
        with one_at_a_time("migrate", say=said.append):
            second.set()

    def come_first() -> None:
        with one_at_a_time("migrate", say=said.append):
            first.set()
            with ThreadPoolExecutor(2 * SERVER_CONNECTIONS) as others:
                list(others.map(in_a_transaction_of_its_own, [linger] * 4 * SERVER_CONNECTIONS))
            deadline = time.monotonic() + 20
            while not said and time.monotonic() < deadline:
                time.sleep(0.01)
            assert not second.is_set()

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(come_first)
        assert first.wait(timeout=20)
        other = threads.submit(come_second)
        one.result()
        other.result()
    assert len(said) == 1
    assert second.is_set()
    assert fetch("SELECT FROM pg_locks WHERE locktype = 'advisory'") == []


def test_what_sealing_sets_for_its_transaction_stays_on_no_connection(pooler):
    record(1)
    seal()
    with ThreadPoolExecutor(SERVER_CONNECTIONS) as threads:
        shown = threads.map(in_a_transaction_of_its_own, [slow_look_at_settings] * SERVER_CONNECTIONS)
        assert set(shown) == {("on", "0")}


def slow_look_at_settings() -> tuple[str, str]:
    (found,) = fetch(
        "SELECT current_setting('enable_seqscan') AS a, current_setting('lock_timeout') AS b, pg_sleep(0.2)"
    )
    return found["a"], found["b"]


def test_nothing_is_prepared_on_a_connection_however_often_it_is_asked(pooler):
    for _ in range(30):
        fetch("SELECT number FROM generate_series(1, %s) AS number", 3)
    assert fetch("SELECT name FROM pg_prepared_statements") == []


def read_in_pieces_while_others_are_busy() -> int:
    """How many rows the ORM reads, a hundred at a time, while every connection is taken by somebody else in between."""
    found = 0
    with ThreadPoolExecutor(2 * SERVER_CONNECTIONS) as threads:
        for _ in OutboxEvent.objects.iterator(chunk_size=100):
            if found % 1000 == 0:
                list(threads.map(in_a_transaction_of_its_own, [linger] * 2 * SERVER_CONNECTIONS))
            found += 1
    return found


def linger() -> None:
    execute("SELECT pg_sleep(0.02)")


def test_rows_are_read_in_pieces_while_others_use_the_connections(pooler):
    record(*range(5000))
    assert read_in_pieces_while_others_are_busy() == 5000


def test_a_cursor_kept_by_the_server_would_be_on_a_connection_that_somebody_else_has(pooler):
    """What the setting is for: the ORM would do as this session does."""
    record(*range(1000))
    sessions = [psycopg.connect(**pooler.through) for _ in range(1 + SERVER_CONNECTIONS)]
    reader, *others = sessions
    reader.execute("DECLARE kept CURSOR WITH HOLD FOR SELECT id FROM outbox_event")
    (its,) = reader.execute("SELECT pg_backend_pid()").fetchone()
    reader.commit()
    for other in others:
        if other.execute("SELECT pg_backend_pid()").fetchone()[0] != its:
            other.commit()
    with pytest.raises(InvalidCursorName, match='"kept" does not exist'):
        reader.execute("FETCH 100 FROM kept")
    for session in sessions:
        session.close()


def test_after_the_server_connections_are_lost_the_next_ones_are_good(pooler):
    record(1)
    connection.close()
    with psycopg.connect(**pooler.direct, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    record(2)
    assert seal_all().events == 2


PRODUCTION = """
    from concurrent.futures import ThreadPoolExecutor
    import core.asgi  # as the web server has it: with a pool of its own
    from django.db import connection, transaction
    from outbox.client import EventLogClient
    from users.events import UserLoggedIn

    assert connection.settings_dict["OPTIONS"]["pool"]

    def log_in(_):
        for number in range(20):
            with transaction.atomic():
                EventLogClient.record(UserLoggedIn(user_id=number, session_id=None, network="192.0.2.1"))
            connection.close()

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(log_in, range(10)))
    connection.close_pool()
"""


def test_the_web_server_and_the_commands_run_through_it_as_they_are_configured(pooler, clickhouse):
    user, name = pooler.direct["user"], pooler.direct["dbname"]
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgres://{user}@127.0.0.1:{pooler.port}/{name}",
        "DATABASE_POOLER": "transaction",
        "CLICKHOUSE_DATABASE": settings.EVENT_STORE["OPTIONS"]["database"],
        "PYTHONPATH": str(SOURCE),
    }
    for command in (
        ["-c", textwrap.dedent(PRODUCTION)],
        ["manage.py", "migrate"],
        ["manage.py", "outbox", "deliver"],
        ["manage.py", "outbox", "verify"],
    ):
        ended = subprocess.run(
            [sys.executable, *command], cwd=SOURCE, env=environment, capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(recorded()) == 200
    assert_every_event_is_stored_once(clickhouse)
