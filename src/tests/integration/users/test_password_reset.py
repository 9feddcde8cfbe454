"""A forgotten password, and the tokens that letters carry: kept nowhere, good once, for one thing."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from tests.integration.users.conftest import PASSWORD, at_once, contexts, events, log_in, logged_in, post, token_in
from users import tokens
from users.models import Letter, User
from users.tokens import TokenInvalid
from users.use_cases.request_password_reset import RequestPasswordReset
from users.use_cases.reset_password import ResetPassword

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "a long way up"

RESET = "/api/auth/password-reset/"


def reset(api, token, password=NEW):
    return post(api, f"{RESET}confirm/", {"token": token, "password": password})


def asked_for_reset(api, letters) -> str:
    assert post(api, RESET, {"email": "ada@example.com"}).status_code == 202
    (letter,) = letters()
    return token_in(letter)


def test_a_forgotten_password_is_replaced_and_all_sessions_end(api, ada, letters):
    headers = logged_in(api)
    token = asked_for_reset(api, letters)
    assert reset(api, token).status_code == 204
    assert api.get("/api/users/me/", headers=headers).status_code == 401
    assert (log_in(api).status_code, log_in(api, password=NEW).status_code) == (401, 200)
    (event,) = events("user_password_reset", user_id=ada.pk)
    assert event.actor_id == str(ada.pk)
    assert User.objects.get().email_verified_at is not None
    assert [letter.subject for letter in letters()] == ["Your password was changed"]


def test_a_token_works_once(api, ada, letters):
    token = asked_for_reset(api, letters)
    assert reset(api, token).status_code == 204
    response = reset(api, token, "a way around")
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem:token-invalid")
    assert contexts("user_token_refused") == [{"purpose": "reset_password", "reason": "invalid", "user_id": ada.pk}]


def test_of_two_resets_with_one_token_one_wins(ada, letters):
    RequestPasswordReset(email=ada.email).execute()
    (letter,) = letters()
    passwords = [NEW, "a way around", "a way about", "a way above"]
    outcomes = at_once(*(ResetPassword(token=token_in(letter), password=each).execute for each in passwords))
    assert outcomes.count(ada) == 1
    assert outcomes.count(TokenInvalid) == 3
    (winner,) = [each for each, outcome in zip(passwords, outcomes, strict=True) if outcome == ada]
    assert User.objects.get().check_password(winner)
    assert len(events("user_password_reset", user_id=ada.pk)) == 1


def test_a_token_expires(api, ada, letters):
    token = asked_for_reset(api, letters)
    with time_machine.travel(timezone.now() + timedelta(seconds=3601)):
        response = reset(api, token)
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem:token-expired")
    assert contexts("user_token_refused") == [{"purpose": "reset_password", "reason": "expired", "user_id": ada.pk}]


def test_a_password_that_will_not_do_leaves_the_token_good(api, ada, letters):
    token = asked_for_reset(api, letters)
    assert reset(api, token, "Lovelace").json()["errors"][0]["code"] == "password_too_similar"
    assert reset(api, token).status_code == 204


def test_logging_in_makes_a_token_pointless(api, ada, letters):
    token = asked_for_reset(api, letters)
    log_in(api)
    assert reset(api, token).status_code == 400


@pytest.mark.parametrize(
    "token", ["x", "1", "1:2:3", ":", "9" * 100, "99999999999999999999:a:b", "١:a:b", "-1:a:b", "a" * 200]
)
def test_whatever_else_is_brought_is_refused(api, ada, token):
    response = reset(api, token)
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem:token-invalid")


def test_a_token_is_good_for_one_purpose_and_one_account(api, ada):
    grace = User.objects.create_user("grace@example.com", PASSWORD)
    for token in (
        tokens.make("verify_email", ada),
        tokens.make("reset_password", ada).replace(f"{ada.pk}:", f"{grace.pk}:", 1),
        tokens.make("reset_password", ada)[:-1],
    ):
        assert reset(api, token).status_code == 400
    another = tokens.make("reset_password", ada)
    assert post(api, "/api/auth/verify-email/confirm/", {"token": another}).status_code == 400


def test_a_token_outlives_the_rotation_of_the_secret_key(ada, settings):
    token = tokens.make("reset_password", ada)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert tokens.check("reset_password", token, user=ada) == ada
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(TokenInvalid):
        tokens.check("reset_password", token, user=ada)


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_a_request_does_the_same_whether_anybody_has_the_address(api, ada, email, django_assert_num_queries):
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    with django_assert_num_queries(5) as queries:
        response = post(api, RESET, {"email": email})
    assert (response.status_code, response.content) == (202, b"")
    verbs = [re.search(r"^[A-Z]+", query["sql"], re.MULTILINE)[0] for query in queries.captured_queries]
    assert verbs == ["BEGIN", "SELECT", "INSERT", "INSERT", "COMMIT"]
    assert Letter.objects.values("kind", "user", "address").get() == {
        "kind": "reset_password", "user": None, "address": email,
    }  # fmt: skip


def test_no_token_is_kept_anywhere(api, ada, letters):
    token = asked_for_reset(api, letters)
    logged_in(api)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT array_agg(t::text)::text FROM "{table}" AS t')
            assert token.rpartition(":")[2] not in str(cursor.fetchone())
