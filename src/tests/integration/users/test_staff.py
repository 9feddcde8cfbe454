"""What administrators see and decide over the API, and what others do not."""

import pytest
from django.contrib.auth.models import Group, Permission

from guards import denials
from guards.denials import Pauses
from tests.integration.users.conftest import PASSWORD, contexts, events, logged_in, post
from users.models import User
from users.use_cases.delete_account import DeleteOwnAccount
from users.use_cases.find_users import FindUsers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(denials, "_pauses", Pauses(seconds=60, most=100))


@pytest.fixture
def root(api, db):
    User.objects.create_superuser("root@example.com", PASSWORD)
    return logged_in(api, email="root@example.com")


def staff(api, *permissions: str) -> dict[str, str]:
    user = User.objects.create_user("staff@example.com", PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return logged_in(api, email=user.email)


def found(api, headers, **query) -> list[str]:
    response = api.get("/api/users/", query, headers=headers)
    assert response.status_code == 200, response.content
    return [each["email"] for each in response.json()["results"]]


def test_accounts_are_searched_by_words_and_filtered(api, root, ada):
    User.objects.create_user("grace@example.com", first_name="Grace", last_name="Hopper", is_active=False)
    assert found(api, root) == ["root@example.com", "Ada@example.com", "grace@example.com"]
    assert found(api, root, search="LOVE") == ["Ada@example.com"]
    assert found(api, root, search="hopper grace") == ["grace@example.com"]
    assert found(api, root, search="hopper ada") == []
    assert found(api, root, search="100%") == []
    assert found(api, root, is_active="false") == ["grace@example.com"]
    assert found(api, root, is_staff="true") == ["root@example.com"]
    assert found(api, root, is_staff="true", is_active="false") == []


def test_pages_follow_one_another_until_all_has_been_seen(api, root):
    User.objects.bulk_create(User(email=f"user{number}@example.com") for number in range(10))
    seen, address = [], "/api/users/?search=user&limit=3"
    while address:
        page = api.get(address, headers=root).json()
        seen += [each["email"] for each in page["results"]]
        address = page["next"]
        assert address is None or "search=user&limit=3&after=" in address or "after=" in address
    assert seen == [f"user{number}@example.com" for number in range(10)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"), ({"limit": "101"}, "limit"), ({"limit": "x"}, "limit"), ({"after": "-1"}, "after"),
        ({"after": str(2**63)}, "after"), ({"is_active": "perhaps"}, "is_active"), ({"search": "\0"}, "search"),
        ({"search": "x" * 255}, "search"),
    ],
)  # fmt: skip
def test_a_query_that_is_none_is_bad_input(api, root, query, field):
    response = api.get("/api/users/", query, headers=root)
    assert response.status_code == 400
    assert [each["field"] for each in response.json()["errors"]] == [field]


def test_an_account_is_shown_with_its_state_and_without_secrets(api, root, ada):
    response = api.get(f"/api/users/{ada.pk}/", headers=root)
    assert set(response.json()) == {
        "id", "email", "first_name", "last_name", "created_at",
        "is_active", "is_staff", "is_superuser", "email_verified_at", "last_login",
    }  # fmt: skip


@pytest.mark.parametrize("user_id", [0, 999_999_999, 10**30])
def test_who_is_not_there_is_not_found(api, root, user_id):
    for response in (
        api.get(f"/api/users/{user_id}/", headers=root),
        post(api, f"/api/users/{user_id}/activate/", None, **root),
        post(api, f"/api/users/{user_id}/deactivate/", None, **root),
    ):
        assert (response.status_code, response.json()["type"]) == (404, "urn:problem:user-unknown")


def test_the_deleted_are_neither_found_nor_shown_nor_revived(api, root, ada):
    DeleteOwnAccount(user_id=ada.pk, password=PASSWORD).execute()
    assert found(api, root) == ["root@example.com"]
    assert api.get(f"/api/users/{ada.pk}/", headers=root).status_code == 404
    assert post(api, f"/api/users/{ada.pk}/activate/", None, **root).status_code == 404


def test_an_account_is_switched_off_and_on_and_the_administrator_is_the_actor(api, root, ada):
    hers = logged_in(api)
    by = str(User.objects.with_email("root@example.com").get().pk)
    for _ in range(2):  # doing it again changes nothing and is no event
        response = post(api, f"/api/users/{ada.pk}/deactivate/", None, **root)
        assert (response.status_code, response.json()["is_active"]) == (200, False)
    assert api.get("/api/users/me/", headers=hers).status_code == 401
    for _ in range(2):
        response = post(api, f"/api/users/{ada.pk}/activate/", None, **root)
        assert (response.status_code, response.json()["is_active"]) == (200, True)
    assert [event.actor_id for event in events("user_deactivated", user_id=ada.pk)] == [by]
    assert [event.actor_id for event in events("user_activated", user_id=ada.pk)] == [by]
    assert api.get("/api/users/me/", headers=hers).status_code == 401


def test_nobody_decides_about_themselves(api, root):
    own = User.objects.get().pk
    for decision in ("activate", "deactivate"):
        response = post(api, f"/api/users/{own}/{decision}/", None, **root)
        assert (response.status_code, response.json()["type"]) == (409, "urn:problem:own-account")
    assert User.objects.get().is_active


def test_nobody_decides_about_an_account_that_may_do_more_not_even_when_it_is_switched_off(api, ada):
    headers = staff(api, "change_user", "view_user")
    group = Group.objects.create(name="engine")
    group.permissions.set(Permission.objects.filter(codename="delete_user"))
    ada.groups.add(group)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    response = post(api, f"/api/users/{ada.pk}/activate/", None, **headers)
    assert (response.status_code, response.json()["type"]) == (403, "urn:problem:account-protected")
    (denied,) = contexts("access_denied")
    assert (denied["method"], denied["path"]) == ("POST", f"/api/users/{ada.pk}/activate/")
    group.permissions.set(Permission.objects.filter(codename="view_user"))
    assert post(api, f"/api/users/{ada.pk}/activate/", None, **headers).status_code == 200


def test_only_superusers_decide_about_superusers(api, root):
    headers = staff(api, "change_user", "view_user")
    superuser = User.objects.with_email("root@example.com").get()
    response = post(api, f"/api/users/{superuser.pk}/deactivate/", None, **headers)
    assert (response.status_code, response.json()["type"]) == (403, "urn:problem:account-protected")


@pytest.mark.parametrize(
    ("permissions", "statuses"),
    [((), (403, 403, 403)), (("view_user",), (200, 200, 403)), (("view_user", "change_user"), (200, 200, 200))],
)
def test_staff_may_do_what_their_permissions_say(api, ada, permissions, statuses):
    headers = staff(api, *permissions)
    assert (
        api.get("/api/users/", headers=headers).status_code,
        api.get(f"/api/users/{ada.pk}/", headers=headers).status_code,
        post(api, f"/api/users/{ada.pk}/deactivate/", None, **headers).status_code,
    ) == statuses


def test_permissions_without_being_staff_are_not_enough(api, ada):
    ada.user_permissions.set(Permission.objects.filter(codename="view_user"))
    assert api.get("/api/users/", headers=logged_in(api)).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/users/", "/api/users/1/"])
def test_nobody_in_particular_may_not_and_leaves_no_event(api, db, method, path):
    response = api.generic(method, path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert events("access_denied") == []


def test_a_flood_of_forbidden_requests_is_one_event_for_each_resource(api, ada):
    headers = logged_in(api)
    for _ in range(5):
        assert api.get("/api/users/", headers=headers).status_code == 403
        assert api.get(f"/api/users/{ada.pk}/", headers=headers).status_code == 403
    assert contexts("access_denied") == [
        {"user_id": ada.pk, "method": "GET", "path": "/api/users/"},
        {"user_id": ada.pk, "method": "GET", "path": f"/api/users/{ada.pk}/"},
    ]
    assert {event.actor_id for event in events("access_denied")} == {str(ada.pk)}


def test_finding_costs_one_query_however_many_there_are(root, django_assert_num_queries):
    User.objects.bulk_create(User(email=f"user{number}@example.com") for number in range(100))
    with django_assert_num_queries(1):
        assert len(FindUsers().execute().users) == 50
