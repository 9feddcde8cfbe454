"""Hashing takes turns, and hashes are Argon2id."""

import threading

import pytest
from django.contrib.auth.hashers import check_password, make_password

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
