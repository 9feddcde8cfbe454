"""What who may do in Django's admin; and asking for more leaves an event."""

import pytest
from django.contrib.auth.models import Group, Permission

from tests.integration.users.browser import LIST, act, actors, save, staff
from tests.integration.users.conftest import PASSWORD, browser_of, contexts, events
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

GROUPS = "/admin/auth/group/"


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


def test_staff_do_not_take_over_an_account_that_may_do_more(ada):
    ada.user_permissions.set(Permission.objects.filter(codename="delete_user"))
    browser = browser_of(staff("view_user", "change_user"))
    new = {"password1": "a long way up", "password2": "a long way up", "usable_password": "true"}
    assert browser.post(f"{LIST}{ada.pk}/password/", new).status_code == 403
    assert browser.post(f"{LIST}{ada.pk}/change/", {"email": "mine@example.com"}).status_code == 403
    ada.refresh_from_db()
    assert (ada.email, ada.check_password(PASSWORD)) == ("Ada@example.com", True)


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


def test_whoever_asks_for_what_is_not_theirs_leaves_an_event(root, monkeypatch):
    user = staff("view_user", "change_user")
    browser = browser_of(user)
    for path in (f"{LIST}{root.pk}/password/", f"{LIST}{root.pk}/delete/", GROUPS):
        assert browser.post(path, {"post": "yes"}).status_code == 403
    act(browser, "deactivate", root)
    denied = contexts("access_denied", user_id=user.pk)
    assert [each["path"] for each in denied] == [f"{LIST}{root.pk}/password/", f"{LIST}{root.pk}/delete/", GROUPS, LIST]
    assert set(actors("access_denied", user_id=user.pk)) == {str(user.pk)}
