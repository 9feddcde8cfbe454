"""UUID version 7: its layout, and its order whatever the clock does."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122

import pytest

from events import uuid7 as module
from events.uuid7 import uuid7


@pytest.fixture(autouse=True)
def _fresh_state(monkeypatch):
    monkeypatch.setattr(module, "_last_ms", -1)
    monkeypatch.setattr(module, "_counter", 0)


def at(monkeypatch, milliseconds: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: milliseconds * 1_000_000 + 999_999)


def test_it_has_the_layout_of_rfc_9562(monkeypatch):
    at(monkeypatch, 0x0123456789AB)
    made = uuid7()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == 0x0123456789AB


def test_ids_of_a_process_increase_strictly():
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_ids_increase_within_a_millisecond(monkeypatch):
    at(monkeypatch, 1000)
    made = [uuid7() for _ in range(1000)]
    assert made == sorted(set(made))
    assert {one.int >> 80 for one in made} == {1000}


def test_ids_increase_while_the_clock_runs_backwards(monkeypatch):
    at(monkeypatch, 1000)
    first = uuid7()
    at(monkeypatch, 10)
    assert uuid7() > first


def test_a_full_counter_borrows_from_the_next_millisecond(monkeypatch):
    at(monkeypatch, 1000)
    first = uuid7()
    monkeypatch.setattr(module, "_counter", (1 << 42) - 1)
    second = uuid7()
    assert second > first
    assert second.int >> 80 == 1001


def test_threads_never_get_the_same_id():
    with ThreadPoolExecutor(4) as pool:
        made = [one for some in pool.map(lambda _: [uuid7() for _ in range(2000)], range(4)) for one in some]
    assert len(set(made)) == 8000
