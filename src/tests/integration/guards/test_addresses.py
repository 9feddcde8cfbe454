"""An address has one count, however it is written; and what is none is nobody's."""

import json
import unicodedata

import pytest
from django.db import connection
from django.test import Client

from guards.attempts import TooManyAttempts
from guards.origin import Origin, digest_of
from guards.throttles import OwnGuesses, PerPerson
from tests.integration.guards.attempts import assert_refused, fail, log_in
from tests.integration.users.conftest import PASSWORD, contexts, events, post
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("throttled", "low_rates")]


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


def test_an_account_is_the_same_however_its_letters_are_composed():
    composed, decomposed = (Origin(network="", account=f"{name}@example.com") for name in ("é", "e\u0301"))
    assert composed.account_digest == decomposed.account_digest != Origin(network="", account="e").account_digest


@pytest.mark.parametrize(
    ("throttle", "most"), [(PerPerson("changes_per_person"), 4), (OwnGuesses(near="guesses_near"), 3)]
)
def test_who_is_logged_in_is_counted_as_one_whatever_their_address_and_leaves_the_count_to_nobody(throttle, most):
    for number in range(most):
        throttle.admit(Origin(network="", account=f"{number}@example.com", person="7"))
    with pytest.raises(TooManyAttempts):
        throttle.admit(Origin(network="", account="new@example.com", person="7"))
    throttle.admit(Origin(network="", account="0@example.com", person="8"))


def test_what_cannot_be_an_address_is_counted_but_not_recorded(api):
    email = "x" * 100_000
    before = len(events("request_throttled"))
    assert [log_in(api, email=email).status_code for _ in range(4)] == [400, 400, 400, 429]
    (event,) = events("request_throttled")[before:]
    assert json.loads(event.context)["account"] == ""


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


def test_nothing_is_composed_that_is_too_long_for_any_field(api, ada, monkeypatch):
    lengths = [0]
    normalize = unicodedata.normalize

    def watched(form, text):
        lengths.append(len(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", watched)
    heap = "\u0301\u0327" * 20_000
    assert log_in(api, email=heap).status_code == 400
    assert log_in(api, heap).status_code == 400
    body = {"email": "grace@example.com", "password": PASSWORD, "last_name": heap}
    assert post(api, "/api/users/", body).status_code == 400
    Client(headers={"Host": "localhost"}).post("/admin/login/", {"username": "ada@example.com", "password": heap})
    assert max(lengths) <= 1_024


@pytest.mark.parametrize("misplaced", ["a long way down", "P@ssw0rd", "P@ss w0rd.com"])
def test_a_password_in_the_wrong_field_enters_no_event(api, ada, misplaced):
    for _ in range(3):
        assert log_in(api, "ada", email=misplaced).status_code == 401
    assert log_in(api, "ada", email=misplaced).status_code == 429
    Client(headers={"Host": "localhost"}).post("/admin/login/", {"username": misplaced, "password": "ada"})
    assert {each["email"] for each in contexts("user_login_failed")} == {""}
    assert {each["account"] for each in contexts("request_throttled")} == {""}
