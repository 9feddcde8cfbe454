"""Hashing takes turns, and hashes are Argon2id."""

import os
import sys
import threading
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password

from users import hashing


@pytest.fixture
def one_turn(monkeypatch):
    monkeypatch.setattr(hashing, "_turns", threading.BoundedSemaphore(1))


def test_a_hash_is_verified_and_a_wrong_password_is_not():
    encoded = make_password("a long way down")
    assert encoded.startswith("argon2$argon2id$")
    assert check_password("a long way down", encoded)
    assert not check_password("a long way up", encoded)


def test_whoever_has_no_turn_waits(one_turn):
    hashed = threading.Event()

    def hash_something() -> None:
        make_password("x")
        hashed.set()

    other = threading.Thread(target=hash_something)
    with hashing.turn():
        other.start()
        assert not hashed.wait(timeout=0.3)
    assert hashed.wait(timeout=10)
    other.join()


def test_whoever_has_a_turn_hashes_in_it(one_turn):
    with hashing.turn(), hashing.turn():
        assert check_password("x", make_password("x"))
    assert hashing._turns.acquire(blocking=False)


def test_a_turn_is_given_back_after_a_failure(one_turn):
    with pytest.raises(ConnectionError), hashing.turn():
        raise ConnectionError
    assert hashing._turns.acquire(blocking=False)


def test_who_finds_the_queue_full_is_told_to_come_again(one_turn, monkeypatch):
    monkeypatch.setattr(hashing, "_places", threading.BoundedSemaphore(3))

    def hash_something(_: int) -> str:
        try:
            return make_password("x")[:6]
        except hashing.HashingBusy as busy:
            return str(busy)

    with hashing.turn():
        people = ThreadPoolExecutor(5)
        asked = [people.submit(hash_something, number) for number in range(5)]
        while sum(each.done() for each in asked) < 2:
            time.sleep(0.01)
    people.shutdown()
    busy = "Too many people are logging in or registering just now: try again in 1 seconds."
    assert sorted(each.result() for each in asked) == [busy, busy, "argon2", "argon2", "argon2"]


def test_a_place_in_the_queue_is_given_back(one_turn, monkeypatch):
    monkeypatch.setattr(hashing, "_places", threading.BoundedSemaphore(1))
    for _ in range(3):
        with ThreadPoolExecutor(1) as people:
            with hashing.turn():
                other = people.submit(make_password, "x")
                time.sleep(0.02)
            assert other.result().startswith("argon2")


def test_only_so_many_hash_at_a_time_whoever_asks():
    seen = []

    def encode(*_: object) -> str:
        seen.append(threading.current_thread().name)
        return "hash"

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(20) as people:
        patch.setattr(Argon2PasswordHasher, "encode", encode)
        list(people.map(lambda _: hashing.Argon2idHasher().encode("x", "saltsalt"), range(40)))
    assert len(seen) == 40
    assert len(set(seen)) <= settings.HASHING_THREADS
    assert all(name.startswith("hashing") for name in seen)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
def test_the_threads_that_hash_give_way_to_those_that_answer():
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert hashing._threads().submit(niceness).result() > niceness()


def test_a_failure_in_the_thread_is_the_callers():
    with pytest.raises(AttributeError):
        hashing.Argon2idHasher().verify("x", None)


@pytest.mark.parametrize(("at_registration", "at_login"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_password_is_the_same_however_a_keyboard_composes_its_letters(at_registration, at_login):
    password = "ein weiter Weg über die Brücke"
    encoded = make_password(unicodedata.normalize(at_registration, password))
    assert check_password(unicodedata.normalize(at_login, password), encoded)


@pytest.mark.parametrize("other", ["a long way  down", "A long way down", " a long way down", "a long way down\n", "ﬁ"])
def test_nothing_else_about_a_password_is_changed(other):
    assert not check_password(other, make_password("a long way down"))
    assert not check_password("fi", make_password("ﬁ"))
