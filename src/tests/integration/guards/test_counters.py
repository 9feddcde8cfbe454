"""Counting: exact among many, in Redis while it is there, alone while it is not, and never a wait."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from limits import parse
from structlog.testing import capture_logs

from guards.counters import Counters
from tests.ports import free_port

FIVE = parse("5/minute")


def test_so_many_pass_and_the_next_one_is_told_when_to_come_again(fresh_counters):
    assert [fresh_counters.take(FIVE, "somebody") for _ in range(5)] == [0] * 5
    assert 55 <= fresh_counters.take(FIVE, "somebody") <= 60
    assert fresh_counters.take(FIVE, "somebody else") == 0


def test_of_many_at_the_same_moment_exactly_so_many_pass(fresh_counters, settings):
    other_process, start = Counters(settings.REDIS_URL), threading.Barrier(20)

    def attempt(number: int) -> bool:
        start.wait()
        return (fresh_counters if number % 2 else other_process).take(FIVE, "somebody") == 0

    with ThreadPoolExecutor(20) as people:
        assert sum(people.map(attempt, range(20))) == 5


def test_what_is_counted_ends_with_its_window(shared, fresh_counters):
    fresh_counters.take(FIVE, "somebody")
    (key,) = shared.keys()
    assert 0 < shared.ttl(key) <= 60


def test_counting_can_begin_anew(fresh_counters):
    for _ in range(6):
        fresh_counters.take(FIVE, "somebody")
    fresh_counters.forget(FIVE, "somebody")
    assert fresh_counters.take(FIVE, "somebody") == 0


def test_what_has_happened_is_remembered_for_its_time_and_anew_each_time(shared, fresh_counters):
    assert not fresh_counters.remembers(60, "x")
    fresh_counters.remember(60, "x")
    (key,) = shared.keys()
    shared.expire(key, 1)
    fresh_counters.remember(60, "x")
    assert fresh_counters.remembers(60, "x")
    assert shared.ttl(key) > 50


def test_one_is_the_first(fresh_counters):
    assert [fresh_counters.is_first(60, "x") for _ in range(3)] == [True, False, False]


@pytest.fixture
def silent():
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_while_redis_is_away_each_process_counts_alone():
    counters = Counters(f"redis://127.0.0.1:{free_port()}/0")
    assert [counters.take(FIVE, "somebody") for _ in range(5)] == [0] * 5
    assert counters.take(FIVE, "somebody") > 0
    counters.remember(60, "x")
    assert counters.remembers(60, "x")
    counters.forget(FIVE, "somebody")
    assert counters.take(FIVE, "somebody") == 0


def test_a_silent_redis_holds_nobody_up_for_long_and_only_the_first_ones_at_all(silent):
    counters, started = Counters(silent), time.monotonic()
    assert counters.take(FIVE, "somebody") == 0
    assert time.monotonic() - started < 1
    started = time.monotonic()
    for _ in range(100):
        counters.take(FIVE, "somebody else")
    assert time.monotonic() - started < 0.25


def test_it_is_logged_once_a_minute_and_not_for_every_attempt():
    counters = Counters(f"redis://127.0.0.1:{free_port()}/0")
    with time_machine.travel(0), capture_logs() as logged:
        for _ in range(20):
            counters._away_until = 0.0
            counters.take(FIVE, "somebody")
    assert [line["event"] for line in logged] == ["throttles_count_alone"]


def test_when_redis_is_back_it_is_asked_again(fresh_counters, monkeypatch):
    monkeypatch.setattr("guards.counters._ASK_AGAIN_SECONDS", 0.05)
    away = Counters(f"redis://127.0.0.1:{free_port()}/0")
    fresh_counters.take(FIVE, "somebody")
    healthy, fresh_counters._shared = fresh_counters._shared, away._shared
    fresh_counters.take(FIVE, "somebody")
    fresh_counters._shared = healthy
    time.sleep(0.06)
    assert fresh_counters.take(FIVE, "somebody") == 0
    assert healthy.get_window_stats(FIVE, "somebody").remaining == 3


def test_while_redis_is_away_one_at_a_time_asks_for_it(silent):
    """Four people at once, after the pause: one waits for the silent server, the others do not."""
    counters = Counters(silent)
    counters.take(FIVE, "x")
    counters._away_until = time.monotonic() - 1

    def attempt(number: int) -> float:
        started = time.monotonic()
        counters.take(FIVE, f"somebody {number}")
        return time.monotonic() - started

    with ThreadPoolExecutor(4) as people:
        waits = sorted(people.map(attempt, range(4)))
    assert waits[2] < 0.2 < waits[3]
