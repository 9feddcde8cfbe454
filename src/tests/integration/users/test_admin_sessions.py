"""Coming to Django's admin, staying there, and going; and one's own password."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from tests.integration.users.browser import LIST, act, actors, save, staff
from tests.integration.users.conftest import NETWORK, PASSWORD, browser_of, contexts, events, logged_in, post
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_coming_going_and_being_refused_are_recorded(root):
    browser = Client(headers={"Host": "localhost"})
    for email, password in (("root@example.com", "wrong"), ("nobody@example.com", "x"), ("root@example.com", PASSWORD)):
        browser.post("/admin/login/", {"username": email, "password": password})
    browser.post("/admin/logout/")
    assert contexts("user_login_failed") == [
        {"email": "root@example.com", "reason": "wrong_password", "user_id": root.pk, "network": NETWORK},
        {"email": "nobody@example.com", "reason": "unknown_email", "user_id": None, "network": NETWORK},
    ]
    assert contexts("user_logged_in") == [{"user_id": root.pk, "session_id": None, "network": NETWORK}]
    assert actors("user_logged_in") == actors("user_logged_out") == [str(root.pk)]


def test_who_is_to_be_led_elsewhere_by_a_login_is_led_to_the_admin(root):
    browser = Client(headers={"Host": "localhost"})
    whoami = {"username": root.email, "password": PASSWORD, "next": "https://elsewhere.example/"}
    answer = browser.post("/admin/login/", whoami)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")


@pytest.mark.parametrize(
    ("password", "is_active", "reason"),
    [(PASSWORD, True, "not_staff"), (PASSWORD, False, "inactive"), ("wrong", False, "wrong_password")],
)
def test_who_is_turned_away_at_the_admins_door_is_recorded_with_the_apis_reasons(ada, password, is_active, reason):
    User.objects.update(is_active=is_active)
    answer = Client(headers={"Host": "localhost"}).post(
        "/admin/login/", {"username": "ada@example.com", "password": password}
    )
    assert "Please enter the correct email and password" in answer.content.decode()
    assert contexts("user_login_failed") == [
        {"email": "ada@example.com", "reason": reason, "user_id": ada.pk, "network": NETWORK}
    ]
    assert not events("user_logged_in")


def test_an_account_that_is_switched_off_behind_our_back_has_no_session(root, admin):
    User.objects.update(is_active=False)
    assert admin.get("/admin/").status_code == 302


@pytest.mark.parametrize("path", ["auth/logout-everywhere/", "users/me/password/"])
def test_what_ends_all_sessions_ends_those_of_the_admin(admin, root, api, path):
    passwords = {"old_password": PASSWORD, "new_password": "a long way up"}
    assert admin.get("/admin/").status_code == 200
    assert post(api, f"/api/{path}", passwords, **logged_in(api, email=root.email)).status_code == 204
    assert admin.get("/admin/").status_code == 302


def test_switching_an_account_off_and_on_ends_its_sessions_of_the_admin(admin):
    somebody = staff("view_user")
    theirs = browser_of(somebody)
    act(admin, "deactivate", somebody)
    act(admin, "activate", somebody)
    assert theirs.get("/admin/").status_code == 302
    assert browser_of(User.objects.get(pk=somebody.pk)).get("/admin/").status_code == 200


def test_ending_one_session_of_the_api_leaves_the_admin_open(admin, root, api):
    assert post(api, "/api/auth/logout/", None, **logged_in(api, email=root.email)).status_code == 204
    assert admin.get("/admin/").status_code == 200


def test_a_session_of_the_admin_lasts_as_long_as_a_token(settings, root):
    browser = Client(headers={"Host": "localhost"})
    browser.post("/admin/login/", {"username": root.email, "password": PASSWORD})
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["max-age"] == ""  # the browser forgets it when it is closed
    lasts = Session.objects.get(pk=cookie.value).expire_date - timezone.now()
    assert lasts <= timedelta(seconds=settings.AUTH_TOKEN_SECONDS)


def change_own_password(browser: Client, old: str, new: str) -> str:
    """Fill in the admin's form; the page that it answers with, empty when the password was changed."""
    filled = {"old_password": old, "new_password1": new, "new_password2": new}
    return browser.post("/admin/password_change/", filled).content.decode()


def test_ones_own_password_is_changed_as_over_the_api(admin, root, letters):
    AuthToken.objects.create(user=root)
    elsewhere = browser_of(root)
    assert b"old_password" in admin.get("/admin/password_change/").content
    assert "too common" in change_own_password(admin, PASSWORD, "password1234")
    assert "The password is wrong" in change_own_password(admin, "wrong", "a long way up")
    assert contexts("user_reauthentication_failed") == [{"user_id": root.pk, "action": "change_password"}]
    assert change_own_password(admin, PASSWORD, "a long way up") == ""
    assert contexts("user_password_changed") == [{"user_id": root.pk, "changed_by": "owner"}]
    assert actors("user_password_changed") == [str(root.pk)]
    assert not AuthToken.objects.exists()
    assert [letter.subject for letter in letters()] == ["Your password was changed"]
    assert admin.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302


def test_ones_own_password_and_address_take_more_than_an_open_session(admin, root):
    new = {"password1": "a long way up", "password2": "a long way up", "usable_password": "true"}
    for own in (f"{root.pk}", f"0{root.pk}"):
        answer = admin.post(f"{LIST}{own}/password/", new)
        assert (answer.status_code, answer.headers.get("Location")) == (302, "/admin/password_change/")
    save(admin, root, email="eve@example.com", last_name="Down")
    root.refresh_from_db()
    assert (root.email, root.last_name, root.check_password(PASSWORD)) == ("root@example.com", "Down", True)


def test_a_session_that_nobody_uses_ends_and_one_that_is_used_does_not(root, settings):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        browser = browser_of(root)
        for _ in range(3):
            clock.shift(settings.ADMIN_IDLE_SECONDS * 0.85)
            assert browser.get("/admin/").status_code == 200
        clock.shift(settings.ADMIN_IDLE_SECONDS * 1.01)
        assert [browser.get("/admin/").status_code for _ in range(2)] == [302, 302]
    assert contexts("user_session_expired") == [{"user_id": root.pk, "session_id": None}]
    assert actors("user_session_expired") == [str(root.pk)]
    assert not Session.objects.exists()


def test_a_session_ends_with_its_time_however_much_it_is_used(root, settings):
    settings.ADMIN_IDLE_SECONDS = settings.SESSION_COOKIE_AGE
    with time_machine.travel(timezone.now(), tick=False) as clock:
        browser = browser_of(root)
        for _ in range(2):
            clock.shift(settings.SESSION_COOKIE_AGE * 0.49)
            assert browser.get("/admin/").status_code == 200
        clock.shift(settings.SESSION_COOKIE_AGE * 0.03)
        assert browser.get("/admin/").status_code == 302
