"""Too many attempts are turned away, whoever makes them; and nobody can keep the owner of an account out."""

import json
import unicodedata

import pytest
from django.db import connection
from django.test import Client

from guards.counters import Counters
from guards.origin import Origin, digest_of
from tests.acceptance.conftest import free_port
from tests.integration.users.conftest import PASSWORD, contexts, events, post, token_in
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


def test_an_address_may_be_registered_so_often_from_one_network(api, ada, settings):
    settings.THROTTLE_RATES["registration_per_network"] = "20/minute"
    for spelling in ("ada@example.com", "ADA@example.com", "ada@example.com\n"):
        assert register(api, spelling).status_code == 409
    assert_refused(register(api, "ada@example.com"), within=3600)


def test_a_stranger_cannot_keep_an_address_from_registering(api):
    for _ in range(4):
        post(api, "/api/users/", {"email": "eve@example.com", "password": "x"}, **{"X-Forwarded-For": "198.51.100.9"})
    assert register(api, "eve@example.com").status_code == 201


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
    assert b"@" not in kept
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


RESET, VERIFICATION = "/api/auth/password-reset/", "/api/auth/verify-email/"


def ask(api, path, *, origin=HOME, email="ada@example.com"):
    return post(api, path, {"email": email}, **{"X-Forwarded-For": origin}).status_code


def test_letters_of_one_kind_for_one_account_are_few_from_one_network(api, ada):
    assert [ask(api, RESET) for _ in range(6)] == [202] * 5 + [429]
    assert ask(api, VERIFICATION) == 202
    assert ask(api, RESET, origin=ELSEWHERE.format(1)) == 202


def test_strangers_cannot_keep_the_owner_from_a_letter(api, ada, letters):
    for number in range(3):
        assert [ask(api, path, origin=ELSEWHERE.format(number)) for path in (RESET, VERIFICATION) * 5] == [202] * 10
    assert ask(api, RESET) == 202
    assert sorted(letter.to[0] for letter in letters()) == ["Ada@example.com"] * 2


def test_a_letter_that_anybody_may_demand_is_sent_once_in_a_few_minutes(api, ada, letters, shared):
    sent = []
    for number in range(4):
        assert ask(api, RESET, origin=ELSEWHERE.format(number)) == 202
        sent += letters()
    assert len(sent) == 1
    assert len(contexts("user_password_reset_requested", user_id=ada.pk)) == 4
    shared.delete(*[key for key in shared.scan_iter() if b"letter" in key])
    ask(api, RESET)
    assert len(letters()) == 1


def test_a_letter_asked_for_too_early_takes_nothing_from_a_registration(api, letters, settings):
    settings.EMAIL_VERIFICATION_REQUIRED = True
    ask(api, VERIFICATION, email="eve@example.com")
    assert letters() == []
    assert register(api, "eve@example.com").status_code == 201
    assert [letter.to for letter in letters()] == [["eve@example.com"]]


def bearer(api, email="ada@example.com"):
    return {"Authorization": f"Bearer {log_in(api, email=email).json()['token']}", "X-Forwarded-For": HOME}


def test_a_letter_box_is_not_filled_by_changes_to_its_address(api, letters):
    statuses = []
    for number in range(7):
        User.objects.create_user(f"p{number}@example.com", PASSWORD)
        body = {"email": "victim@example.com", "password": PASSWORD}
        statuses.append(post(api, "/api/users/me/email/", body, **bearer(api, f"p{number}@example.com")).status_code)
    assert statuses == [202] * 5 + [429] * 2
    assert len([letter for letter in letters() if letter.to == ["victim@example.com"]]) == 5


def change_password(api, headers, old, origin):
    body = {"old_password": old, "new_password": "a long way up"}
    return post(api, "/api/users/me/password/", body, **{**headers, "X-Forwarded-For": origin})


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


@pytest.mark.parametrize(
    ("content", "kind"), [("{", "application/json"), ("email=x", "text/plain"), ("[", "application/json")]
)
def test_what_cannot_be_read_counts_as_well(api, content, kind):
    sent = [
        api.post("/api/auth/login/", data=content, content_type=kind, headers={"X-Forwarded-For": HOME}).json()
        for _ in range(21)
    ]
    assert {each["type"] for each in sent[:20]} != {"urn:problem:too-many-attempts"}
    assert {each["status"] for each in sent[:20]} <= {400, 415}
    assert sent[20]["status"] == 429


def test_of_a_48_sixteen_times_as_many_may_try_as_of_one_network(api, settings):
    settings.THROTTLE_RATES["login_per_network"] = "1/minute"
    seen = [log_in(api, email=f"p{number}@example.com", origin=f"2001:db8:0:{number:x}::1") for number in range(17)]
    assert [each.status_code for each in seen] == [401] * 16 + [429]
    assert log_in(api, email="p@example.com", origin="2001:db8:1::1").status_code == 401


def test_whoever_comes_from_nowhere_comes_from_one_network(settings):
    settings.TRUSTED_PROXIES = 0
    settings.THROTTLE_RATES["login_per_network"] = "2/minute"
    nowhere = Client(headers={"Host": "localhost"}, REMOTE_ADDR="")
    seen = [post(nowhere, "/api/auth/login/", {"email": "a@example.com", "password": "x"}) for _ in range(3)]
    assert [each.status_code for each in seen] == [401, 401, 429]
