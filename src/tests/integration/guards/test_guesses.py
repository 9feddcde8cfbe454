"""Guesses at a password are few, from near and far; and nobody keeps the owner of an account out."""

import pytest

from guards.counters import Counters
from tests.integration.guards.attempts import ELSEWHERE, HOME, assert_refused, bearer, fail, log_in
from tests.integration.users.conftest import PASSWORD, post, token_in
from tests.ports import free_port
from users import tokens
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("throttled", "low_rates")]


def change_password(api, headers, old, origin):
    body = {"old_password": old, "new_password": "a long way up"}
    return post(api, "/api/users/me/password/", body, **{**headers, "X-Forwarded-For": origin})


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_guesses_end_alike_whether_or_not_there_is_such_an_account(api, ada, email):
    for spelling in (email, email.upper(), f" {email}"):
        assert log_in(api, "wrong", email=spelling).status_code == 401
    assert_refused(log_in(api, "wrong", email=email), within=900)


def test_success_wipes_the_slate(api, ada):
    for _ in range(3):
        fail(api, 2)
        assert log_in(api).status_code == 200


def test_logging_in_often_is_no_offence(api, ada):
    for _ in range(10):
        assert log_in(api).status_code == 200


def test_many_networks_together_may_guess_so_often(api, ada):
    for number in range(3):
        fail(api, 2, origin=ELSEWHERE.format(number))
    assert_refused(log_in(api, "wrong", origin=ELSEWHERE.format(9)), within=900)


def test_the_owner_gets_in_from_home_whatever_others_do_elsewhere(api, ada):
    assert log_in(api).status_code == 200  # from a network that was new then: the first of the six
    for number in range(5):
        fail(api, 1, origin=ELSEWHERE.format(number))
    assert log_in(api, origin=ELSEWHERE.format(9)).status_code == 429
    assert log_in(api).status_code == 200


def test_at_home_guesses_are_few_as_well(api, ada):
    assert log_in(api).status_code == 200
    fail(api, 3)
    assert_refused(log_in(api), within=900)


def test_an_attempt_counts_before_its_outcome_is_known(api, ada, settings):
    """Else many at once would all be let through to the password."""
    settings.THROTTLE_RATES["guesses_near"] = "1/minute"
    seen = []

    def nested(*_, **__):
        seen.append(log_in(api).status_code)
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(User, "check_password", nested)
        log_in(api, "wrong")
    assert seen == [429]


def test_while_redis_is_away_people_get_in_and_guesses_end_all_the_same(api, ada, monkeypatch):
    away = Counters(f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setattr("guards.attempts.counters", lambda: away)
    assert log_in(api).status_code == 200
    fail(api, 3)
    assert_refused(log_in(api), within=900)


def test_an_owner_in_a_new_place_who_resets_the_password_is_at_home_there_whatever_an_attacker_does(api, ada, letters):
    for number in range(6):
        fail(api, 1, origin=ELSEWHERE.format(number))
    new_place = "203.0.113.7"
    assert_refused(log_in(api, origin=new_place), within=900)
    assert post(api, "/api/auth/password-reset/", {"email": "ada@example.com"}).status_code == 202
    (letter,) = letters()
    body = {"token": token_in(letter), "password": "a long way up"}
    assert post(api, "/api/auth/password-reset/confirm/", body, **{"X-Forwarded-For": new_place}).status_code == 204
    assert log_in(api, "a long way up", origin=new_place).status_code == 200


def test_strangers_cannot_keep_one_who_is_logged_in_from_changing_the_password(api, ada):
    headers = bearer(api)
    for number in range(8):
        log_in(api, "wrong", origin=ELSEWHERE.format(number))
    assert change_password(api, headers, PASSWORD, "203.0.113.5").status_code == 204


def test_who_has_a_token_guesses_the_password_no_more_often_from_many_networks(api, ada):
    headers = bearer(api)
    for number in range(3):
        assert change_password(api, headers, "wrong", ELSEWHERE.format(number)).status_code == 403
    assert_refused(change_password(api, headers, "wrong", ELSEWHERE.format(9)), within=900)


def test_an_owner_who_confirms_another_address_is_at_home_with_it(api, ada, letters):
    body = {"email": "countess@example.com", "password": PASSWORD}
    assert post(api, "/api/users/me/email/", body, **bearer(api)).status_code == 202
    (token,) = [token_in(letter) for letter in letters() if "Confirm" in letter.subject]
    headers = {"X-Forwarded-For": HOME}
    assert post(api, "/api/auth/email-change/confirm/", {"token": token}, **headers).status_code == 204
    for number in range(6):
        fail(api, 1, email="countess@example.com", origin=ELSEWHERE.format(number))
    assert log_in(api, email="countess@example.com", origin=ELSEWHERE.format(9)).status_code == 429
    assert log_in(api, email="countess@example.com").status_code == 200


def test_who_verifies_their_address_is_at_home_before_the_first_login(api, ada):
    body = {"token": tokens.make("verify_email", ada)}
    assert post(api, "/api/auth/verify-email/confirm/", body, **{"X-Forwarded-For": HOME}).status_code == 204
    for number in range(6):
        fail(api, 1, origin=ELSEWHERE.format(number))
    assert log_in(api).status_code == 200
