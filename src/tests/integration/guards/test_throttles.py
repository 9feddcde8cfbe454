"""Too many attempts are turned away, whoever makes them."""

import json

import pytest
from django.test import Client

from tests.integration.guards.attempts import ELSEWHERE, HOME, assert_refused, bearer, fail, log_in, register
from tests.integration.users.conftest import PASSWORD, contexts, events, post
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("throttled", "low_rates")]


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


def rename(api, headers, name, *, origin=HOME):
    sent = {**headers, "X-Forwarded-For": origin}
    return api.patch("/api/users/me/", {"last_name": name}, content_type="application/json", headers=sent)


def test_one_person_changes_only_so_much_wherever_they_are(api, ada):
    headers = bearer(api)
    assert [rename(api, headers, f"{n}", origin=ELSEWHERE.format(n)).status_code for n in range(4)] == [200] * 4
    assert_refused(rename(api, headers, "another"), within=60)
    assert contexts("request_throttled", rate="changes_per_person") == [
        {"rate": "changes_per_person", "network": HOME, "account": "Ada@example.com"}
    ]
    User.objects.create_user("grace@example.com", PASSWORD)
    assert rename(api, bearer(api, "grace@example.com"), "Hopper").status_code == 200


def test_who_has_stolen_a_token_does_not_keep_its_owner_from_ending_that(api, ada):
    stolen, own = bearer(api), bearer(api)
    while rename(api, stolen, "Eve").status_code == 200:
        pass
    assert api.get("/api/users/me/", headers=own).status_code == 200
    assert post(api, "/api/auth/logout-everywhere/", None, **own).status_code == 204
    assert api.get("/api/users/me/", headers=stolen).status_code == 401
