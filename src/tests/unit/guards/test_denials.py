"""Turns: each key has one, and then none for a while; and the memory of them is bounded."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from guards import denials
from guards.denials import Pauses


def test_a_key_has_one_turn_and_then_none_for_a_while(monkeypatch):
    clock = SimpleNamespace(monotonic=lambda: 0.0)
    monkeypatch.setattr(denials, "time", clock)
    pauses = Pauses(seconds=60, most=10)
    assert [pauses.take("ada"), pauses.take("ada"), pauses.take("grace")] == [True, False, True]
    clock.monotonic = lambda: 59.0
    assert not pauses.take("ada")
    clock.monotonic = lambda: 61.0
    assert [pauses.take("ada"), pauses.take("ada")] == [True, False]


def test_of_too_many_the_oldest_is_forgotten():
    pauses = Pauses(seconds=60, most=3)
    for key in range(1000):
        assert pauses.take(key)
    assert [pauses.take(key) for key in (997, 998, 999)] == [False] * 3
    assert pauses.take(0)


def test_of_many_at_once_one_has_the_turn():
    pauses = Pauses(seconds=60, most=3)
    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(pauses.take, ["ada"] * 200)) == 1
