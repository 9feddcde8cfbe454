"""No door is forgotten: whatever is open to everybody is throttled, in the API and in the admin."""

from collections.abc import Iterator

import pytest
from django.test import Client, RequestFactory
from django.urls import get_resolver
from django.urls.resolvers import URLResolver

from guards.throttles import PerNetwork, PerPerson
from kit.api import AsyncAPIView
from tests.integration.users.conftest import PASSWORD, events, log_in


def views(resolver: URLResolver) -> Iterator[type[AsyncAPIView]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern)
        elif isinstance(view := getattr(pattern.callback, "view_class", None), type) and issubclass(view, AsyncAPIView):
            yield view


def is_open_to_strangers(kind: type[AsyncAPIView]) -> bool:
    """Whether the view asks nobody who they are before its `post`."""
    view = kind()
    view.setup(RequestFactory().post("/"))
    return hasattr(kind, "post") and not view.get_authenticators()


def test_every_view_that_strangers_may_post_to_is_throttled_by_network():
    public = [view for view in views(get_resolver()) if is_open_to_strangers(view)]
    assert {"UsersView", "LoginView"} <= {view.__name__ for view in public}
    assert [view for view in public if not any(isinstance(guard, PerNetwork) for guard in view.guards)] == []


def knock(password: str) -> str:
    """The page that the admin's login answers with; empty when it lets one in."""
    body = {"username": "root@example.com", "password": password}
    return Client(headers={"Host": "localhost"}).post("/admin/login/?next=/admin/", body).content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("throttled")
def test_guesses_at_the_old_password_in_the_admin_are_limited(root, settings):
    settings.THROTTLE_RATES = {**settings.THROTTLE_RATES, "guesses_near": "2/15 minutes"}
    browser = Client(headers={"Host": "localhost"})
    browser.force_login(root)
    new = {"new_password1": "a long way up", "new_password2": "a long way up"}
    pages = [
        browser.post("/admin/password_change/", {"old_password": each, **new}).content.decode()
        for each in ("wrong", "wrong", PASSWORD)
    ]
    assert ["Too many attempts" in page for page in pages] == [False, False, True]
    root.refresh_from_db()
    assert root.check_password(PASSWORD)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("throttled")
def test_the_admins_door_counts_with_the_apis(api, root, settings):
    settings.THROTTLE_RATES = {**settings.THROTTLE_RATES, "guesses_near": "4/15 minutes"}
    before = len(events("request_throttled", account=root.email))
    assert knock(PASSWORD) == ""
    assert "correct email and password" in knock("wrong")
    assert "correct email and password" in knock("wrong")
    assert [log_in(api, email=root.email, password="wrong").status_code for _ in range(2)] == [401, 401]
    assert "Too many attempts: try again in" in knock(PASSWORD)
    assert log_in(api, email=root.email).status_code == 429
    assert len(events("request_throttled", account=root.email)) == before + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("throttled")
def test_who_sends_the_admin_no_password_has_proved_nothing(root, settings):
    settings.THROTTLE_RATES = {**settings.THROTTLE_RATES, "guesses_near": "4/15 minutes"}
    for _ in range(2):
        assert "correct email and password" in knock("wrong")
        assert "This field is required" in knock("")
    assert "Too many attempts" in knock("wrong")


def changes_something(kind: type[AsyncAPIView]) -> bool:
    return any(hasattr(kind, method) for method in AsyncAPIView.guarded_methods)


def test_whatever_people_change_who_are_logged_in_is_counted_but_for_what_ends_sessions():
    private = [view for view in views(get_resolver()) if changes_something(view) and not is_open_to_strangers(view)]
    uncounted = [view.__name__ for view in private if not any(isinstance(each, PerPerson) for each in view.guards)]
    assert sorted(uncounted) == ["LogoutEverywhereView", "LogoutView", "SessionView"]
