"""Too many attempts are turned away, whoever makes them; and nobody can keep the owner of an account out."""

import json
import unicodedata

import pytest
from django.db import connection

from guards.counters import Counters
from guards.origin import Origin, digest_of
from tests.acceptance.conftest import free_port
from tests.integration.users.conftest import PASSWORD, events, post, token_in
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("throttled")]

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.{}"


@pytest.fixture(autouse=True)
def _rates(settings):
    settings.TRUSTED_PROXIES = 1
    settings.THROTTLE_RATES = {
        "login_per_network": "20/minute",
        "guesses_near": "3/15 minutes",
        "guesses_far": "6/15 minutes",
        "registration_per_network": "2/minute;4/hour",
        "registration_per_account": "3/hour",
        "mail_per_network": "20/hour",
        "mail_per_account": "5/hour",
    }


def log_in(api, password=PASSWORD, *, email="ada@example.com", origin=HOME):
    return post(api, "/api/auth/login/", {"email": email, "password": password}, **{"X-Forwarded-For": origin})


def register(api, email, *, origin=HOME):
    body = {"email": email, "password": PASSWORD}
    return post(api, "/api/users/", body, **{"X-Forwarded-For": origin})


def assert_refused(response, *, within):
    assert response.status_code == 429, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["type"] == "urn:problem:too-many-attempts"
    seconds = int(response.headers["Retry-After"])
    assert 0 < seconds <= within
    assert response.json()["detail"] == f"Too many attempts: try again in {seconds} seconds."


def fail(api, times, **origin):
    for _ in range(times):
        assert log_in(api, "wrong", **origin).status_code == 401


def test_a_network_may_try_so_many_accounts_and_no_more(api):
    for number in range(20):
        assert log_in(api, email=f"person{number}@example.com").status_code == 401
    assert_refused(log_in(api, email="one.more@example.com"), within=60)
    assert log_in(api, email="one.more@example.com", origin=ELSEWHERE.format(1)).status_code == 401


def test_the_64_of_an_ipv6_address_is_one_network(api):
    for number in range(20):
        assert log_in(api, email=f"p{number}@example.com", origin=f"2001:db8::{number:x}").status_code == 401
    assert_refused(log_in(api, email="p@example.com", origin="2001:db8::ffff"), within=60)
    assert log_in(api, email="p@example.com", origin="2001:db8:0:1::1").status_code == 401


def test_inventing_origins_does_not_help(api):
    for number in range(20):
        assert log_in(api, email=f"p{number}@example.com", origin=f"203.0.113.{number}, {HOME}").status_code == 401
    assert_refused(log_in(api, email="p@example.com", origin=f"203.0.113.99, {HOME}"), within=60)


def test_of_a_rates_limits_each_one_holds(api, shared):
    for number in range(2):
        assert register(api, f"p{number}@example.com").status_code == 201
    assert_refused(register(api, "p@example.com"), within=60)
    shared.delete(*[key for key in shared.scan_iter() if key.endswith(b"/2/1/minute")])
    for number in range(2, 4):
        assert register(api, f"p{number}@example.com").status_code == 201
    shared.delete(*[key for key in shared.scan_iter() if key.endswith(b"/2/1/minute")])
    assert_refused(register(api, "p@example.com"), within=3600)


def test_an_address_may_be_registered_so_often_from_wherever(api, ada):
    for number in range(3):
        assert register(api, "ADA@example.com", origin=ELSEWHERE.format(number)).status_code == 409
    assert_refused(register(api, "ada@example.com", origin=ELSEWHERE.format(9)), within=3600)


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_guesses_end_alike_whether_or_not_there_is_such_an_account(api, ada, email):
    for spelling in (email, email.upper(), f" {email}"):
        assert log_in(api, "wrong", email=spelling).status_code == 401
    assert_refused(log_in(api, "wrong", email=email), within=900)


@pytest.mark.parametrize("blanks", ["\n", "\t", " " * 300, "\u3000", "\u00a0", "\u0085", "\x1c"])
def test_blanks_around_an_address_make_it_no_other(api, ada, blanks):
    fail(api, 3, email=f"{blanks}ada@example.com{blanks}")
    assert_refused(log_in(api, email=f"{blanks}ada@example.com"), within=900)
    assert_refused(log_in(api), within=900)


def test_what_the_database_takes_for_one_address_is_counted_as_one(api):
    User.objects.create_user("willi@gmail.com", PASSWORD)
    fail(api, 3, email="w\u0130ll\u0130@gmail.com")
    assert_refused(log_in(api, email="willi@gmail.com"), within=900)


def test_the_counts_take_for_one_what_the_database_takes_for_one():
    every = "SELECT code, lower(chr(code)) FROM generate_series(1, 1114111) code WHERE code NOT BETWEEN 55296 AND 57343"
    with connection.cursor() as cursor:
        cursor.execute(every)
        lowered = {chr(code): lower for code, lower in cursor.fetchall() if chr(code) != lower}
    # The database may know letters that are younger than Python, and the other way round.
    known = {letter: lower for letter, lower in lowered.items() if unicodedata.category(letter) != "Cn"}
    assert len(known) > 1000
    assert [letter for letter, lower in known.items() if digest_of(letter) != digest_of(lower)] == []


@pytest.mark.parametrize("other", ["ada@strasse.example", "ada@stra\u017fse.example"])
def test_what_the_database_tells_apart_is_counted_apart(other):
    """Else the login of one person would start the count of another one anew."""
    assert digest_of(other) != digest_of("ada@straße.example")


def test_what_cannot_be_an_address_is_counted_but_not_recorded(api):
    email = "x" * 100_000
    before = len(events("request_throttled"))
    assert [log_in(api, email=email).status_code for _ in range(4)] == [400, 400, 400, 429]
    (event,) = events("request_throttled")[before:]
    assert json.loads(event.context)["account"] == ""


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


def test_an_empty_rate_is_no_limit(api, ada, settings):
    settings.THROTTLE_RATES["guesses_near"] = settings.THROTTLE_RATES["guesses_far"] = ""
    fail(api, 10)


def test_a_refusal_is_recorded_once_a_window_however_many_follow(api):
    before = len(events("request_throttled", rate="guesses_near"))
    fail(api, 3, email="Grace@example.com")
    for _ in range(5):
        assert log_in(api, "wrong", email="Grace@example.com").status_code == 429
    (event,) = events("request_throttled", rate="guesses_near")[before:]
    assert json.loads(event.context) == {"rate": "guesses_near", "network": HOME, "account": "Grace@example.com"}
    assert event.request_id


def test_while_redis_is_away_people_get_in_and_guesses_end_all_the_same(api, ada, monkeypatch):
    away = Counters(f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setattr("guards.throttles.counters", lambda: away)
    assert log_in(api).status_code == 200
    fail(api, 3)
    assert_refused(log_in(api), within=900)


def test_redis_never_learns_an_address(api, ada, shared):
    fail(api, 1)
    log_in(api)
    kept = b" ".join(shared.keys()).lower()
    assert kept
    assert b"ada" not in kept
    assert b"example" not in kept


@pytest.mark.parametrize("email", [5, None, [], "a\0da@example.com", "\ud800", "x" * 300, ""])
def test_what_is_no_address_is_left_to_validation(api, email):
    assert log_in(api, email=email).status_code == 400


@pytest.mark.parametrize("content", ["[]", "null", "{", '"x"', "7"])
def test_what_is_no_object_is_left_to_validation(api, content):
    assert api.post("/api/auth/login/", data=content, content_type="application/json").status_code == 400


def test_an_account_is_the_same_however_its_letters_are_composed():
    composed, decomposed = (Origin(network="", account=f"{name}@example.com") for name in ("é", "e\u0301"))
    assert composed.account_digest == decomposed.account_digest != Origin(network="", account="e").account_digest


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
