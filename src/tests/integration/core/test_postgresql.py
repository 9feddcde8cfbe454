"""The pool gets over connections that have died."""

import time

import pytest
from django.db import connection

from core.postgresql.base import DatabaseWrapper

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = 6


@pytest.fixture
def pooled():
    pool = {"min_size": SIZE, "max_size": SIZE, "timeout": 2}
    settings = {**connection.settings_dict, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "OPTIONS": {"pool": pool}}
    wrapper = DatabaseWrapper(settings, alias="pooled")
    wrapper.pool.open()
    wrapper.pool.wait(timeout=10)
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def ask(wrapper: DatabaseWrapper) -> int:
    """The process that serves one request's query."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    wrapper.close()
    return pid


def kill_all(wrapper: DatabaseWrapper) -> set[int]:
    """End every idle connection of the pool, as a restart of the server does."""
    with wrapper.pool._lock:
        pids = {each.info.backend_pid for each in wrapper.pool._pool}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", [list(pids)])
    return pids


def test_when_every_connection_has_died_the_next_request_gets_a_new_one_at_once(pooled):
    ask(pooled)
    dead = kill_all(pooled)
    assert len(dead) == SIZE
    started = time.monotonic()
    assert ask(pooled) not in dead
    # The pool by itself takes a second for the first of them, and the timeout of two seconds for all.
    assert time.monotonic() - started < 1
    assert [ask(pooled) for _ in range(2 * SIZE)]


def test_a_living_connection_is_used_again(pooled):
    assert len({ask(pooled) for _ in range(3 * SIZE)}) <= SIZE
