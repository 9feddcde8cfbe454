"""The accounts' HTTP interface, through the whole of Django."""

import pytest
from django.utils.dateparse import parse_datetime

from tests.integration.users.conftest import PASSWORD, events, log_in, post
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

ADA = {"email": "Ada@example.com", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"}


def register(api, **changes):
    body = {name: value for name, value in {**ADA, **changes}.items() if value is not ...}
    return post(api, "/api/users/", body)


def fields(response) -> dict[str, str]:
    """The refused fields with their codes."""
    assert response.status_code == 400, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    return {error["field"]: error["code"] for error in response.json()["errors"]}


def test_a_registration_answers_with_the_account_and_where_it_is(api):
    response = register(api)
    assert response.status_code == 201
    assert response.headers["Location"] == "/api/users/me/"
    user = User.objects.get()
    body = response.json()
    assert parse_datetime(body.pop("created_at")) == user.created_at
    assert body == {"id": user.pk, "email": "Ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}


def test_an_event_has_the_id_and_the_trace_of_its_request(api):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    response = post(api, "/api/users/", ADA, **{"X-Request-ID": "checkout-7", "traceparent": trace})
    (event,) = events("user_registered", user_id=response.json()["id"])
    assert response.headers["X-Request-ID"] == "checkout-7"
    assert (event.request_id, event.trace_context) == ("checkout-7", trace)


def test_names_may_be_left_out(api):
    response = register(api, first_name=..., last_name=...)
    assert response.status_code == 201
    assert (response.json()["first_name"], response.json()["last_name"]) == ("", "")


@pytest.mark.parametrize("name", ["O’Neill-Żółć", "محمد", "بهرام\u200cپور", "שרה", "李", "👩\u200d🚀", "Ada\u200f"])
def test_names_of_all_scripts_are_names(api, name):
    response = register(api, first_name=name, last_name=f" {name}\n")
    assert (response.status_code, response.json()["first_name"], response.json()["last_name"]) == (201, name, name)


def test_a_taken_address_is_a_conflict(api):
    register(api)
    response = register(api, email="ADA@EXAMPLE.COM")
    assert response.status_code == 409
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (problem["type"], problem["title"], problem["status"]) == ("urn:problem:email-taken", "Email taken", 409)
    assert "ADA@EXAMPLE.COM" in problem["detail"]


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"email": ...}, {"email": "required"}),
        ({"password": ...}, {"password": "required"}),
        ({"email": ..., "password": ...}, {"email": "required", "password": "required"}),
        ({"email": None}, {"email": "null"}),
        ({"email": ""}, {"email": "blank"}),
        ({"email": "ada"}, {"email": "invalid"}),
        ({"email": 5}, {"email": "invalid"}),
        ({"email": True}, {"email": "invalid"}),
        ({"email": ["ada@example.com"]}, {"email": "invalid"}),
        ({"email": {"a": 1}}, {"email": "invalid"}),
        ({"email": "a" * 250 + "@example.com"}, {"email": "max_length"}),
        ({"email": "a\0da@example.com"}, {"email": "invalid"}),
        ({"email": "a\ud800@example.com"}, {"email": "invalid"}),
        ({"password": 1234567890123}, {"password": "invalid"}),
        ({"password": "x" * 129}, {"password": "max_length"}),
        ({"password": "kürz\0ester weg"}, {"password": "null_characters_not_allowed"}),
        ({"password": "\udfff" * 20}, {"password": "surrogate_characters_not_allowed"}),
        ({"password": "password1234"}, {"password": "password_too_common"}),
        ({"password": "83759274639"}, {"password": "password_entirely_numeric"}),
        ({"password": "tooshrt"}, {"password": "password_too_short"}),
        ({"password": "ada@example.com"}, {"password": "password_too_similar"}),
        ({"password": "LovelaceLovelace", "last_name": "LovelaceLovelac"}, {"password": "password_too_similar"}),
        ({"first_name": "x" * 151}, {"first_name": "max_length"}),
        ({"first_name": 5.5}, {"first_name": "invalid"}),
        ({"last_name": None}, {"last_name": "null"}),
        ({"last_name": "\ud800"}, {"last_name": "surrogate_characters_not_allowed"}),
        ({"last_name": "\0"}, {"last_name": "null_characters_not_allowed"}),
        ({"last_name": "Love\nlace"}, {"last_name": "unreadable_characters"}),
        ({"last_name": "Love\x1b[31mlace"}, {"last_name": "unreadable_characters"}),
        ({"last_name": "Love\u2028lace"}, {"last_name": "unreadable_characters"}),
        ({"first_name": "\u202emoc.elpmaxe@ada"}, {"first_name": "unreadable_characters"}),
        ({"first_name": "Ada\u2066"}, {"first_name": "unreadable_characters"}),
        ({"password": " " * 9}, {"password": "password_blank"}),
        ({"password": "\u3000\u00a0\t" * 3}, {"password": "password_blank"}),
    ],
)
def test_bad_input_is_refused_field_by_field(api, changes, refused):
    assert refused.items() <= fields(register(api, **changes)).items()
    assert not User.objects.exists()


def test_the_password_is_never_sent_back(api):
    for response in (register(api, email=5), register(api), log_in(api)):
        assert PASSWORD not in response.content.decode()


@pytest.mark.parametrize("password", ["  a long way down", "a long way down  ", "ein weiter Weg über 😀"])
def test_every_character_of_a_password_counts(api, password):
    assert register(api, password=password).status_code == 201
    assert log_in(api, password=password).status_code == 200
    assert log_in(api, password=password.strip() + "!").status_code == 401


def test_a_login_answers_with_a_token_its_end_and_the_account(api, ada):
    response = log_in(api)
    assert response.status_code == 200
    assert set(response.json()) == {"token", "expiry", "user"}
    assert response.json()["user"]["id"] == ada.pk


@pytest.mark.parametrize(
    "changes", [{"password": "wrong"}, {"email": "nobody@example.com"}, {"email": "not an address"}]
)
def test_a_wrong_login_is_refused_without_telling_what_was_wrong(api, ada, changes):
    response = log_in(api, **changes)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json()["type"] == "urn:problem:invalid-credentials"
    assert response.json()["detail"] == "The e-mail address or the password is wrong."


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"email": 5}, {"email": "invalid"}),
        ({"email": "\0"}, {"email": "null_characters_not_allowed"}),
        ({"email": "x" * 255}, {"email": "max_length"}),
        ({"password": None}, {"password": "null"}),
        ({"password": "x" * 129}, {"password": "max_length"}),
        ({"password": "\ud800"}, {"password": "surrogate_characters_not_allowed"}),
    ],
)
def test_a_login_that_is_no_login_is_bad_input(api, changes, refused):
    assert fields(log_in(api, **changes)) == refused


def test_a_stale_token_does_not_keep_anybody_from_logging_in(api, ada):
    body = {"email": ada.email, "password": PASSWORD}
    assert post(api, "/api/auth/login/", body, Authorization="Bearer stale").status_code == 200
