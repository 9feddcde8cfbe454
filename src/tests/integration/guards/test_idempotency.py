"""A registration that is tried again is answered again, and made once: whatever was lost in between."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from guards import idempotency
from guards.models import KeptAnswer
from outbox.client import EventLogClient
from tests.integration.users.conftest import PASSWORD, at_once, events, post
from users.accounts import UserManager
from users.models import User
from users.use_cases.register_user import RegisterUser

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def register(api, key=KEY, *, email="ada@example.com", **changes):
    body = {"email": email, "password": PASSWORD, "first_name": "Ada 😀", **changes}
    return post(api, "/api/users/", body, **({} if key is None else {"Idempotency-Key": key}))


def assert_problem(response, status, kind):
    assert (response.status_code, response.json()["type"]) == (status, f"urn:problem:{kind}"), response.content
    assert response.headers["Content-Type"] == "application/problem+json"


def test_the_same_request_has_the_first_answer(api):
    first, again = register(api), register(api)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.status_code == 201
    for header in ("Location", "Content-Type"):
        assert again.headers[header] == first.headers[header]
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    assert first.headers["X-Request-ID"] != again.headers["X-Request-ID"]
    assert User.objects.count() == 1
    assert len(events("user_registered", user_id=first.json()["id"])) == 1


def test_without_a_key_the_second_is_a_conflict(api):
    assert [register(api, None).status_code for _ in range(2)] == [201, 409]
    assert not KeptAnswer.objects.exists()


def test_the_first_answer_stays_even_if_the_account_has_changed(api):
    first = register(api)
    User.objects.update(first_name="Augusta")
    assert register(api).json() == first.json()


@pytest.mark.parametrize("changes", [{"email": "grace@example.com"}, {"password": "another long way"}])
def test_the_key_of_another_request_is_refused(api, changes):
    register(api)
    assert_problem(register(api, **changes), 422, "key-reused")
    assert User.objects.count() == 1


@pytest.mark.parametrize("sent", [KEY, f'"{KEY}"', f"  {KEY} ", "x" * 16, "x" * 255, "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"])
def test_a_key_may_be_quoted_or_not(api, sent):
    assert [register(api, sent).status_code for _ in range(2)] == [201, 201]


def test_a_key_is_the_same_with_and_without_quotes(api):
    assert [register(api, sent).status_code for sent in (KEY, f'"{KEY}"')] == [201, 201]
    assert User.objects.count() == 1


@pytest.mark.parametrize("sent", ["", "x" * 15, "x" * 256, f'"{KEY}', f"{KEY}, {KEY}", "a b" * 9, "é" * 20, 'a"b' * 9])
def test_what_is_no_key_is_refused_and_nothing_is_done(api, sent):
    assert_problem(register(api, sent), 400, "invalid-idempotency-key")
    assert not User.objects.exists()


def test_an_error_is_not_kept(api, ada):
    assert register(api, email=ada.email).status_code == 409
    assert register(api, password="short").status_code == 400
    User.objects.all().delete()
    assert register(api).status_code == 201


def test_a_fault_of_ours_is_not_kept_and_leaves_nothing(api):
    api.raise_request_exception = False
    with patch.object(EventLogClient, "record", side_effect=ConnectionError):
        assert register(api).status_code == 500
    assert not User.objects.exists()
    assert not KeptAnswer.objects.exists()
    assert register(api).status_code == 201


def test_an_answer_that_got_lost_after_the_commit_is_given_to_who_asks_again(api):
    """The process dies between commit and answer: whatever would have come after the use case does not."""
    api.raise_request_exception = False
    committed = RegisterUser.execute

    def die_after(use_case):
        committed(use_case)
        raise SystemError

    with patch.object(RegisterUser, "execute", die_after):
        assert register(api).status_code == 500
    user = User.objects.get()
    again = register(api)
    assert (again.status_code, again.json()["id"], again.headers["Location"]) == (201, user.pk, "/api/users/me/")
    assert len(events("user_registered", user_id=user.pk)) == 1


def test_of_twenty_at_once_one_makes_the_account_and_all_have_its_answer():
    start = threading.Barrier(20)

    def attempt(_: int):
        start.wait()
        try:
            return register(Client(headers={"Host": "localhost"}))
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as clients:
        found = list(clients.map(attempt, range(20)))
    assert {(each.status_code, each.content, each.headers["Location"]) for each in found} == {
        (201, found[0].content, "/api/users/me/")
    }
    assert sum("Idempotent-Replayed" not in each.headers for each in found) == 1
    assert User.objects.count() == 1


def claimed_by_somebody_else(**changes):
    """A claim to the key of `register`, made by a request that still runs, or ran when its process died."""
    with patch("guards.answers.keep", lambda **_: None), patch("guards.answers.release", lambda **_: None):
        register(Client(headers={"Host": "localhost"}))
    User.objects.all().delete()
    KeptAnswer.objects.update(**changes)


def test_while_the_first_is_worked_on_the_second_waits_a_little_and_is_told_to_come_again(api, monkeypatch):
    monkeypatch.setattr(idempotency, "_PATIENCE_SECONDS", 0.2)
    claimed_by_somebody_else()
    response = register(api)
    assert_problem(response, 409, "request-in-progress")
    assert response.headers["Retry-After"] == "1"
    assert not User.objects.exists()


def test_a_claim_whose_process_died_ends(api):
    claimed_by_somebody_else(claimed_until=timezone.now() - timedelta(seconds=1))
    assert register(api).status_code == 201


def test_who_has_lost_the_claim_cannot_commit(api):
    original = UserManager.create_hashed

    def overtaken(manager, email, hashed, **fields):
        KeptAnswer.objects.update(claim=uuid4())
        return original(manager, email, hashed, **fields)

    with patch.object(UserManager, "create_hashed", overtaken):
        assert_problem(register(api), 409, "claim-lost")
    assert not User.objects.exists()
    assert not events("user_registered", email="lost@example.com")


def test_of_many_at_once_that_are_refused_none_meets_a_fault_of_ours(ada):
    """The claim of one may be let go of between two looks of another."""

    def attempt():
        body = {"email": "ada@example.com", "password": "short"}
        return post(Client(headers={"Host": "localhost"}), "/api/users/", body, **{"Idempotency-Key": KEY}).status_code

    for _ in range(10):
        assert set(at_once(*[attempt] * 8)) == {400}
    assert not KeptAnswer.objects.exists()
