"""Several deployments at once: each `install` and `migrate` waits for the one before it, and all end well."""

import os
import subprocess
import sys
import time
from contextlib import closing
from io import StringIO
from threading import Thread
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from core.management import one_at_a_time as module
from core.management.one_at_a_time import one_at_a_time
from core.settings.environment import SOURCE
from tests.integration.event_store.clickhouse import empty_database
from tests.integration.outbox.conftest import connect_options, in_another_session

pytestmark = pytest.mark.django_db(transaction=True)
SUPERUSER = {"DJANGO_SUPERUSER_EMAIL": "root@example.com", "DJANGO_SUPERUSER_PASSWORD": "a long way down"}


@pytest.fixture
def empty():
    """The environment of an installation whose databases have nothing in them."""
    server, name = connect_options(), f"empty_{uuid4().hex[:12]}"
    with in_another_session() as session, empty_database() as clickhouse:
        session.execute(f"CREATE DATABASE {name}")
        host, user = f"{server['host']}:{server['port']}", f"{server['user']}:{quote(server['password'] or '')}"
        yield {
            **os.environ, "DATABASE_URL": f"postgres://{user}@{host}/{name}", "CLICKHOUSE_DATABASE": clickhouse,
            "PYTHONPATH": str(SOURCE),
        }  # fmt: skip
        session.execute(f"DROP DATABASE {name} WITH (FORCE)")


def start(environment, *arguments):
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=SOURCE, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def ended(processes):
    """The exit codes, and all that was said."""
    said = "".join(process.communicate(timeout=120)[0] for process in processes)
    return [process.returncode for process in processes], said


@pytest.mark.parametrize("command", ["install", "migrate"])
def test_all_who_begin_on_an_empty_database_at_once_end_well(empty, command):
    codes, said = ended([start({**empty, **SUPERUSER}, command) for _ in range(3)])
    assert codes == [0, 0, 0], said
    assert said.count("Applying outbox.0001_outbox") == 1
    with psycopg.connect(empty["DATABASE_URL"]) as database:
        assert database.execute("SELECT count(*) FROM users_user").fetchone() == (int(command == "install"),)


def test_a_turn_takes_no_connection_of_the_pool(empty):
    codes, said = ended([start({**empty, "DATABASE_POOL_SIZE": "1"}, "install")])
    assert codes == [0], said


class Migrating:
    """`manage.py migrate` in a thread, and what it says meanwhile."""

    def __init__(self, **options) -> None:
        self._says, self._options = StringIO(), options
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            call_command("migrate", verbosity=0, stderr=self._says, **self._options)
        finally:
            connection.close()

    @property
    def waits(self) -> bool:
        """Whether it has come to where it waits."""
        deadline = time.monotonic() + 20
        while "this one waits" not in self._says.getvalue() and self._thread.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self._thread.is_alive()

    def end(self) -> str:
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        return self._says.getvalue()


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.05)


def unheard(_text):
    raise AssertionError("nobody is in the way")


def test_who_waits_says_for_whom_and_says_it_again(monkeypatch):
    monkeypatch.setattr(module, "_SAID_AGAIN_SECONDS", 0.2)
    with one_at_a_time("migrate", say=unheard):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [module.title("migrate")])
            ((holder,),) = cursor.fetchall()
        waiting = Migrating()
        assert waiting.waits
        time.sleep(0.5)
    assert waiting.end().count(f"somebody else runs migrate: this one waits until it is through (pid {holder}, ") >= 2


def test_who_only_looks_does_not_wait():
    with one_at_a_time("migrate", say=unheard):
        for options in ({"plan": True}, {"check_unapplied": True}):
            assert Migrating(**options).end() == ""


@pytest.fixture
def with_role_set():
    """Sets what every new session of the tests' role begins with."""
    with in_another_session() as session:
        yield lambda name, value: session.execute(f"ALTER ROLE CURRENT_USER SET {name} = '{value}'")
        session.execute("ALTER ROLE CURRENT_USER RESET ALL")


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_an_index_can_be_made_concurrently_while_others_wait(with_role_set, isolation):
    """It waits for every statement that has begun before; one that waited for the lock would never end."""
    with_role_set("default_transaction_isolation", isolation)
    with one_at_a_time("migrate", say=unheard):
        waiting = [Migrating(), Migrating()]
        assert all(each.waits for each in waiting)
        with in_another_session() as session:
            session.execute("SET statement_timeout = '20s'")
            session.execute("CREATE INDEX CONCURRENTLY tried ON users_letter (attempts)")
            session.execute("DROP INDEX CONCURRENTLY tried")
    for each in waiting:
        each.end()


def test_who_dies_keeps_nobody_waiting():
    holder = connection.copy()
    with closing(holder):
        holder.set_autocommit(False)
        module._wait(holder, name="migrate", say=unheard)
        waiting = Migrating()
        assert waiting.waits
        with in_another_session() as session:
            session.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s",
                [module.title("migrate")],
            )
        waiting.end()


def test_a_role_that_ends_idle_transactions_does_not_end_the_turn(with_role_set):
    with_role_set("idle_in_transaction_session_timeout", "100ms")
    with one_at_a_time("migrate", say=unheard):
        time.sleep(0.5)
        waiting = Migrating()
        assert waiting.waits
    waiting.end()


def test_one_role_for_both_is_refused_before_anything_is_done():
    with pytest.raises(CommandError, match="name two roles") as refused:
        call_command("install", app_role="app", reader_role="app")
    assert refused.value.returncode == 2


@pytest.mark.parametrize("command", ["install", "migrate"])
def test_a_database_that_is_away_is_told_in_a_line(empty, command):
    codes, said = ended([start({**empty, "DATABASE_URL": "postgres://app@127.0.0.1:9/app"}, command)])
    assert codes == [3]
    assert "PostgreSQL cannot do this now: connection failed" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_an_outbox_that_was_not_migrated_is_told_in_a_line_that_says_what_to_do(empty):
    codes, said = ended([start(empty, "outbox", "status")])
    assert codes == [3], said
    assert said.startswith("CommandError: the outbox's tables are not there, or older than this program (relation ")
    assert said.endswith("): run manage.py install\n")
    assert said.count("\n") == 1
