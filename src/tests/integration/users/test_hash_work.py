"""The work that a login makes: the same whoever asks, so that its time tells nothing; none of it on the event loop."""

import threading

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import AsyncClient

from tests.integration.users.conftest import PASSWORD, log_in, post
from users import hashing
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("real_hashes")]


@pytest.fixture
def hashes(monkeypatch):
    """The memory and time that each hash is made with, in the order of making."""
    made = []

    def counted(original):
        def hash_it(hasher, *arguments):
            made.append((hasher.memory_cost, hasher.time_cost, threading.current_thread().name))
            return original(hasher, *arguments)

        return hash_it

    for name in ("encode", "verify"):
        original = getattr(Argon2PasswordHasher, name)
        monkeypatch.setattr(Argon2PasswordHasher, name, counted(original))
    return made


@pytest.mark.parametrize(
    ("changes", "is_active"),
    [
        ({}, True),
        ({"password": "wrong"}, True),
        ({"email": "nobody@example.com"}, True),
        ({}, False),
        ({"password": "wrong"}, False),
    ],
)
def test_a_login_makes_one_hash_of_the_same_cost_whoever_is_known(api, ada, hashes, changes, is_active):
    User.objects.update(is_active=is_active)
    log_in(api, **changes)
    ((memory, passes, _),) = hashes
    assert (memory, passes) == (19 * 1024, 2)


def test_a_registration_makes_one_hash_whether_or_not_the_address_is_taken(api, ada, hashes):
    for email, status in ((ada.email, 409), ("grace@example.com", 201)):
        assert post(api, "/api/users/", {"email": email, "password": PASSWORD}).status_code == status
        assert len(hashes) == 1
        hashes.clear()


async def test_hashes_are_made_by_their_own_threads_never_on_the_loop(ada, hashes):
    body = {"email": "ada@example.com", "password": PASSWORD}
    answered = await AsyncClient(headers={"Host": "localhost"}).post(
        "/api/auth/login/", body, content_type="application/json"
    )
    assert answered.status_code == 200
    assert [thread.rpartition("_")[0] for *_, thread in hashes] == ["hashing"]


@pytest.fixture
def crowded(ada, monkeypatch):
    """As many hash, and wait to, as may."""
    monkeypatch.setattr(hashing, "_turns", threading.BoundedSemaphore(1))
    monkeypatch.setattr(hashing, "_places", threading.BoundedSemaphore(1))
    hashing._turns.acquire()
    hashing._places.acquire()


@pytest.mark.usefixtures("crowded")
def test_when_too_many_wait_the_answer_is_503_with_when_to_come_again(api, ada):
    for response in (log_in(api), post(api, "/api/users/", {"email": "grace@example.com", "password": PASSWORD})):
        assert response.status_code == 503
        assert response.json()["type"] == "urn:problem:hashing-busy"
        assert response.headers["Retry-After"] == "1"


@pytest.mark.usefixtures("crowded")
def test_what_is_no_token_takes_nobodys_turn(api, ada):
    response = post(api, "/api/auth/password-reset/confirm/", {"token": f"{ada.pk}:x:y", "password": "a long way up"})
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem:token-invalid")
