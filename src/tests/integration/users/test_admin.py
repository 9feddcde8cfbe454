"""Accounts in Django's admin: who did what stands in the events."""

import json
import threading
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from outbox.client import EventLogClient
from tests.integration.users.conftest import PASSWORD, contexts, events, logged_in, post
from users import hashing
from users.models import Letter, User

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/users/user/"


@pytest.fixture
def root(db) -> User:
    return User.objects.create_superuser("root@example.com", PASSWORD)


@pytest.fixture
def admin(root) -> Client:
    return browser_of(root)


def browser_of(user: User) -> Client:
    browser = Client(headers={"Host": "localhost"})
    browser.force_login(user)
    return browser


def staff(*permissions: str) -> User:
    user = User.objects.create_user("staff@example.com", PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def save(browser: Client, user: User, **changes):
    """Fill in the form as it stands, change it and send it."""
    page = browser.get(f"{LIST}{user.pk}/change/")
    form = page.context["adminform"].form
    fields = {name: form.initial.get(name) for name in form.fields if name != "password"}
    fields["groups"] = [each.pk for each in fields.get("groups") or ()]
    fields["user_permissions"] = [each.pk for each in fields.get("user_permissions") or ()]
    filled = {**fields, **changes}
    answer = browser.post(page.request["PATH_INFO"], {name: value for name, value in filled.items() if value})
    assert answer.status_code == 302, answer.content.decode()
    return answer


def act(browser: Client, action: str, *users: User, **more: str) -> str:
    chosen = {"action": action, "_selected_action": [str(user.pk) for user in users], **more}
    answer = browser.post(LIST, chosen, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def actors(event_type: str, **context) -> list[str]:
    return [event.actor_id for event in events(event_type, **context)]


def test_accounts_are_listed_searched_and_filtered(admin, ada):
    filters = ("?is_active__exact=1", "?email_verified_at__isempty=1", "?deleted_at__isempty=1", "?is_staff__exact=0")
    for query in ("", "?q=lovelace", f"?q={ada.pk}", *filters):
        assert b"Ada@example.com" in admin.get(LIST + query).content, query
    assert b"Ada@example.com" not in admin.get(f"{LIST}?is_active__exact=0").content


def test_adding_an_account_is_recorded(admin, root):
    passwords = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    admin.post(f"{LIST}add/", {"email": "grace@example.com", **passwords})
    grace = User.objects.with_email("grace@example.com").get()
    assert actors("user_registered", user_id=grace.pk) == [str(root.pk)]
    assert grace.email_verified_at is not None


def test_what_the_form_changes_is_recorded_with_the_administrator_as_actor(admin, root, ada):
    AuthToken.objects.create(user=ada)
    save(admin, ada, email="countess@example.com", last_name="King", is_active="")
    by = [str(root.pk)]
    assert actors("user_profile_updated", user_id=ada.pk, fields=["last_name"]) == by
    assert actors("user_email_changed", user_id=ada.pk, old_email="Ada@example.com") == by
    assert actors("user_deactivated", user_id=ada.pk) == by
    assert not AuthToken.objects.exists()
    told = Letter.objects.order_by("pk").values_list("kind", "address")
    assert list(told) == [("email_changed", "Ada@example.com"), ("account_deactivated", "countess@example.com")]
    save(admin, ada, is_active="on")
    assert actors("user_activated", user_id=ada.pk) == by
    assert LogEntry.objects.count() == 2


def test_saving_without_a_change_is_no_event(admin, ada):
    save(admin, ada)
    assert not events("user_profile_updated")
    assert not events("user_permissions_changed", user_id=ada.pk)


def test_what_an_account_may_do_is_recorded_when_it_changes(admin, root, ada):
    group = Group.objects.create(name="engine")
    permission = Permission.objects.get(codename="view_user")
    save(admin, ada, is_staff="on", groups=[group.pk], user_permissions=[permission.pk])
    (event,) = events("user_permissions_changed", user_id=ada.pk)
    assert event.actor_id == str(root.pk)
    assert json.loads(event.context) == {
        "user_id": ada.pk, "fields": ["groups", "is_staff", "user_permissions"], "is_staff": True,
        "is_superuser": False, "groups": ["engine"], "permissions": ["users.view_user"],
    }  # fmt: skip


def test_without_the_event_there_is_no_change(admin, ada, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(EventLogClient, "record", fail)
    with pytest.raises(ConnectionError):
        save(admin, ada, last_name="King")
    with pytest.raises(ConnectionError):
        admin.post(f"{LIST}{ada.pk}/password/", {"password1": "a long way up", "password2": "a long way up"})
    with pytest.raises(ConnectionError):
        admin.post(f"{LIST}{ada.pk}/delete/", {"post": "yes"})
    ada.refresh_from_db()
    assert (ada.last_name, ada.email) == ("Lovelace", "Ada@example.com")
    assert ada.check_password(PASSWORD)
    assert not LogEntry.objects.exists()


def test_setting_a_password_is_recorded_and_ends_all_sessions(admin, root, ada):
    AuthToken.objects.create(user=ada)
    new = {"password1": "a long way up", "password2": "a long way up", "set_usable_password": "true"}
    assert admin.get(f"{LIST}{ada.pk}/password/").status_code == 200
    assert admin.post(f"{LIST}{ada.pk}/password/", {**new, "password2": "x"}).status_code == 200
    too_long = {"password1": "a long way " * 12, "password2": "a long way " * 12, "usable_password": "true"}
    page = admin.post(f"{LIST}{ada.pk}/password/", too_long)
    assert (page.status_code, b"at most 128 characters" in page.content) == (200, True)
    assert admin.post(f"{LIST}{ada.pk}/password/", {**new, "usable_password": "true"}).status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("a long way up")
    assert contexts("user_password_changed", user_id=ada.pk) == [{"user_id": ada.pk, "changed_by": "administrator"}]
    assert actors("user_password_changed", user_id=ada.pk) == [str(root.pk)]
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize("all_at_once", [True, False])
def test_deleting_erases_and_leaves_a_tombstone(admin, root, ada, all_at_once):
    save(admin, ada, last_name="King")
    if all_at_once:
        assert "Ada@example.com" in act(admin, "delete_selected", ada)
        act(admin, "delete_selected", ada, post="yes")
    else:
        assert b"Ada@example.com" in admin.get(f"{LIST}{ada.pk}/delete/").content
        assert admin.post(f"{LIST}{ada.pk}/delete/", {"post": "yes"}).status_code == 302
    ada.refresh_from_db()
    assert (ada.email, ada.last_name, ada.deleted_at is None) == (f"deleted-{ada.pk}", "", False)
    assert actors("user_deleted", user_id=ada.pk) == [str(root.pk)]
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {f"deleted-{ada.pk}"}
    page = admin.get(f"{LIST}{ada.pk}/change/")
    assert b'name="_save"' not in page.content


def test_several_are_switched_off_and_on_at_once_but_not_oneself(admin, root, ada):
    page = act(admin, "deactivate", ada, root)
    assert "Ada@example.com: Deactivated." in page
    assert "this one is yours" in page
    assert list(User.objects.filter(is_active=True)) == [root]
    act(admin, "activate", ada)
    assert actors("user_deactivated") == actors("user_activated") == [str(root.pk)]
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == ["Deactivated.", "Activated."]


def test_nobody_deletes_themselves_or_locks_themselves_out(admin, root):
    assert admin.post(f"{LIST}{root.pk}/delete/", {"post": "yes"}).status_code == 403
    act(admin, "delete_selected", root, post="yes")
    save(admin, root, is_active="")
    root.refresh_from_db()
    assert (root.is_active, root.deleted_at) == (True, None)


def test_nobody_gives_away_what_they_do_not_have(root, ada):
    user = staff("view_user", "change_user", "add_user", "delete_user")
    browser = browser_of(user)
    for each in (ada, user):
        save(browser, each, is_superuser="on", is_staff="on", user_permissions=[Permission.objects.first().pk])
    assert not [each for one in (ada, user) for each in events("user_permissions_changed", user_id=one.pk)]
    assert User.objects.filter(is_superuser=True).get() == root
    assert browser.post(f"{LIST}{root.pk}/change/", {"email": "mine@example.com"}).status_code == 403
    assert browser.post(f"{LIST}{root.pk}/password/", {"password1": "x", "password2": "x"}).status_code == 403
    act(browser, "delete_selected", root, post="yes")
    act(browser, "deactivate", root)
    root.refresh_from_db()
    assert (root.email, root.is_active) == ("root@example.com", True)


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


def test_staff_do_not_take_over_an_account_that_may_do_more(ada):
    ada.user_permissions.set(Permission.objects.filter(codename="delete_user"))
    browser = browser_of(staff("view_user", "change_user"))
    new = {"password1": "a long way up", "password2": "a long way up", "usable_password": "true"}
    assert browser.post(f"{LIST}{ada.pk}/password/", new).status_code == 403
    assert browser.post(f"{LIST}{ada.pk}/change/", {"email": "mine@example.com"}).status_code == 403
    ada.refresh_from_db()
    assert (ada.email, ada.check_password(PASSWORD)) == ("Ada@example.com", True)


GROUPS = "/admin/auth/group/"


def test_groups_are_changed_by_superusers_only(ada):
    group = Group.objects.create(name="engine")
    browser = browser_of(staff("view_group", "add_group", "change_group", "delete_group"))
    filled = {"name": "mine", "permissions": [Permission.objects.get(codename="delete_user").pk]}
    for path in ("add/", f"{group.pk}/change/", f"{group.pk}/delete/"):
        assert browser.post(GROUPS + path, {**filled, "post": "yes"}).status_code == 403, path
    assert (Group.objects.get().name, group.permissions.count()) == ("engine", 0)


@pytest.mark.parametrize("all_at_once", [True, False])
def test_what_happens_to_groups_is_recorded(admin, root, all_at_once):
    wanted = Permission.objects.get(codename="delete_user")
    assert admin.post(f"{GROUPS}add/", {"name": "engine"}).status_code == 302
    group = Group.objects.get()
    for _ in range(2):  # the second changes nothing
        filled = {"name": "engine", "permissions": [wanted.pk]}
        assert admin.post(f"{GROUPS}{group.pk}/change/", filled).status_code == 302
    if all_at_once:
        chosen = {"action": "delete_selected", "_selected_action": [str(group.pk)], "post": "yes"}
        assert admin.post(GROUPS, chosen).status_code == 302
    else:
        assert admin.post(f"{GROUPS}{group.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Group.objects.exists()
    named = {"group_id": group.pk, "group": "engine"}
    assert contexts("group_changed") == [{**named, "permissions": each} for each in ([], ["users.delete_user"])]
    assert contexts("group_deleted") == [named]
    assert set(actors("group_changed") + actors("group_deleted")) == {str(root.pk)}


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


def test_whoever_asks_for_what_is_not_theirs_leaves_an_event(root, monkeypatch):
    user = staff("view_user", "change_user")
    browser = browser_of(user)
    for path in (f"{LIST}{root.pk}/password/", f"{LIST}{root.pk}/delete/", GROUPS):
        assert browser.post(path, {"post": "yes"}).status_code == 403
    act(browser, "deactivate", root)
    denied = contexts("access_denied", user_id=user.pk)
    assert [each["path"] for each in denied] == [f"{LIST}{root.pk}/password/", f"{LIST}{root.pk}/delete/", GROUPS, LIST]
    assert set(actors("access_denied", user_id=user.pk)) == {str(user.pk)}


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
    assert contexts("user_login_failed") == [{"email": "ada@example.com", "reason": reason, "user_id": ada.pk}]
    assert not events("user_logged_in")


def test_an_account_that_is_switched_off_behind_our_back_has_no_session(root, admin):
    User.objects.update(is_active=False)
    assert admin.get("/admin/").status_code == 302


def test_when_too_many_wait_for_a_hash_a_form_says_so_and_its_page_is_still_shown(admin, ada, monkeypatch):
    nobody_else = threading.BoundedSemaphore(1)
    nobody_else.acquire()
    monkeypatch.setattr(hashing, "_turns", nobody_else)
    monkeypatch.setattr(hashing, "_places", nobody_else)
    new = {"password1": "a long way up", "password2": "a long way up", "usable_password": "true"}
    for path in (f"{LIST}{ada.pk}/password/", f"{LIST}add/"):
        assert admin.get(path).status_code == 200
        page = admin.post(path, {"email": "grace@example.com", **new}, follow=True)
        assert (page.status_code, b"Too many people are logging in" in page.content) == (200, True)
    ada.refresh_from_db()
    assert not User.objects.filter(email="grace@example.com").exists()
    assert not events("user_password_changed")


def test_tokens_have_no_page_of_their_own(admin):
    assert admin.get("/admin/knox/authtoken/").status_code == 404


def test_coming_going_and_being_refused_are_recorded(root):
    browser = Client(headers={"Host": "localhost"})
    for email, password in (("root@example.com", "wrong"), ("nobody@example.com", "x"), ("root@example.com", PASSWORD)):
        browser.post("/admin/login/", {"username": email, "password": password})
    browser.post("/admin/logout/")
    assert contexts("user_login_failed") == [
        {"email": "root@example.com", "reason": "wrong_password", "user_id": root.pk},
        {"email": "nobody@example.com", "reason": "unknown_email", "user_id": None},
    ]
    assert actors("user_logged_in") == actors("user_logged_out") == [str(root.pk)]


def test_letters_that_were_given_up_are_sent_again(admin, ada):
    letter = Letter.objects.create(kind="password_changed", user=ada, address=ada.email, given_up_at=timezone.now())
    page = admin.get("/admin/users/letter/")
    assert b"password_changed" in page.content or b"Password Changed" in page.content
    chosen = {"action": "send_again", "_selected_action": [str(letter.pk)]}
    admin.post("/admin/users/letter/", chosen)
    letter.refresh_from_db()
    assert (letter.given_up_at, letter.attempts) == (None, 0)
    twin = Letter.objects.create(kind="password_changed", user=ada, address=ada.email, given_up_at=timezone.now())
    page = admin.post("/admin/users/letter/", {**chosen, "_selected_action": [str(twin.pk)]}, follow=True)
    assert b"waits already" in page.content
