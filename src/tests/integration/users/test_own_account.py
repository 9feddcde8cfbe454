"""Changing one's own particulars and password."""

import pytest
from knox.models import AuthToken

from tests.integration.users.conftest import PASSWORD, at_once, contexts, events, log_in, logged_in, post
from users.models import Letter, User
from users.reauthentication import AccountChanged, WrongPassword
from users.use_cases.change_password import ChangePassword

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "a long way up"

ME = "/api/users/me/"


def patch(api, body, headers):
    return api.patch(ME, data=body, content_type="application/json", headers=headers)


def test_names_are_changed_and_the_event_tells_which_but_not_into_what(api, ada):
    response = patch(api, {"last_name": "King", "first_name": "Ada"}, logged_in(api))
    assert (response.status_code, response.json()["last_name"]) == (200, "King")
    assert contexts("user_profile_updated", user_id=ada.pk) == [{"user_id": ada.pk, "fields": ["last_name"]}]


def test_what_stays_as_it_is_is_no_event(api, ada):
    headers = logged_in(api)
    for body in ({}, {"first_name": "Ada"}, {"email": "other@example.com", "is_staff": True}):
        response = patch(api, body, headers)
        assert response.status_code == 200
        assert response.json()["email"] == "Ada@example.com"
    assert contexts("user_profile_updated", user_id=ada.pk) == []
    assert not User.objects.get().is_staff


@pytest.mark.parametrize("name", [None, 5, "x" * 151, "\0", "\ud800", ["a"], "A\u202eda", "A\rda"])
def test_a_name_that_is_none_is_bad_input(api, ada, name):
    response = patch(api, {"first_name": name}, logged_in(api))
    assert response.status_code == 400
    assert [each["field"] for each in response.json()["errors"]] == ["first_name"]


def test_another_password_ends_all_other_sessions_and_is_told_by_letter(api, ada, letters):
    here, there = logged_in(api), logged_in(api)
    response = post(api, f"{ME}password/", {"old_password": PASSWORD, "new_password": NEW}, **here)
    assert response.status_code == 204
    assert api.get(ME, headers=here).status_code == 200
    assert api.get(ME, headers=there).status_code == 401
    assert (log_in(api).status_code, log_in(api, password=NEW).status_code) == (401, 200)
    assert contexts("user_password_changed") == [{"user_id": ada.pk, "changed_by": "owner"}]
    (letter,) = letters()
    assert (letter.to, letter.subject) == (["Ada@example.com"], "Your password was changed")


@pytest.mark.parametrize(
    ("path", "body", "action"),
    [
        ("password/", {"old_password": "x", "new_password": NEW}, "change_password"),
        ("email/", {"password": "x", "email": "new@example.com"}, "change_email"),
        ("deactivate/", {"password": "x"}, "deactivate"),
        ("delete/", {"password": "x"}, "delete"),
    ],
)
def test_a_token_alone_is_not_enough_for_what_matters(api, ada, path, body, action):
    before = User.objects.values().get()
    headers = logged_in(api)
    response = post(api, ME + path, body, **headers)
    assert (response.status_code, response.json()["type"]) == (403, "urn:problem:wrong-password")
    assert {**User.objects.values().get(), "last_login": None} == {**before, "last_login": None}
    (event,) = events("user_reauthentication_failed", user_id=ada.pk, action=action)
    assert event.actor_id == str(ada.pk)
    assert not Letter.objects.exists()
    assert api.get(ME, headers=headers).status_code == 200


@pytest.mark.parametrize("new", ["short", "12345678901", "password1234", "ada@example.com", "x" * 129, 5, None])
def test_a_new_password_that_will_not_do_is_bad_input(api, ada, new):
    response = post(api, f"{ME}password/", {"old_password": PASSWORD, "new_password": new}, **logged_in(api))
    assert response.status_code == 400
    assert {each["field"] for each in response.json()["errors"]} == {"new_password"}
    assert log_in(api).status_code == 200


def test_of_two_changes_of_the_password_at_once_one_is_told_to_look_again(ada):
    session, _ = AuthToken.objects.create(user=ada)
    outcomes = at_once(
        *(
            ChangePassword(user_id=ada.pk, session=session, old_password=PASSWORD, new_password=each).execute
            for each in (NEW, "a way around")
        )
    )
    assert set(outcomes) in ({None, AccountChanged}, {None, WrongPassword})
    assert len(events("user_password_changed", user_id=ada.pk)) == 1
