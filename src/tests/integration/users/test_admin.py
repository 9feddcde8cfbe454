"""Accounts in Django's admin: who did what stands in the events."""

import json
import threading

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from knox.models import AuthToken

from outbox.client import EventLogClient
from tests.integration.users.browser import LIST, act, actors, save
from tests.integration.users.conftest import PASSWORD, contexts, events
from users import hashing
from users.models import Letter, User

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_name_that_nobody_can_read_is_refused(admin, ada):
    form = {"email": ada.email, "first_name": ada.first_name, "last_name": "Love\u202elace", "is_active": "on"}
    answer = admin.post(f"{LIST}{ada.pk}/change/", form)
    assert answer.status_code == 200
    assert b"turn the direction" in answer.content
    ada.refresh_from_db()
    assert ada.last_name == "Lovelace"


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


def test_tokens_have_no_page_of_their_own(admin):
    assert admin.get("/admin/knox/authtoken/").status_code == 404
