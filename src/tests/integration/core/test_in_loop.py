"""Django's middleware in the event loop does what it does in a thread."""

import threading
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import HttpRequest
from django.middleware import clickjacking, common, csrf, security
from django.test import AsyncClient, Client
from django.utils.module_loading import import_string
from knox.models import AuthToken

from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

THEIRS = (
    security.SecurityMiddleware,
    common.CommonMiddleware,
    csrf.CsrfViewMiddleware,
    clickjacking.XFrameOptionsMiddleware,
)
LOGIN = "/admin/login/"
ROOT = {"username": "root@example.com", "password": "a long way down"}


@pytest.mark.parametrize("theirs", THEIRS)
def test_what_djangos_checks_look_for_by_name_is_there(theirs):
    assert any(isinstance(each, type) and issubclass(each, theirs) for each in map(import_string, settings.MIDDLEWARE))


def answer(client: Client | AsyncClient, method: str, path: str, **options: Any) -> Any:
    send = getattr(client, method)
    return async_to_sync(send)(path, **options) if isinstance(client, AsyncClient) else send(path, **options)


@pytest.mark.parametrize("kind", [AsyncClient, Client])
def test_a_form_is_taken_with_its_token_only(kind):
    User.objects.create_superuser("root@example.com", "a long way down")
    browser = kind(enforce_csrf_checks=True)
    assert answer(browser, "post", LOGIN, data=ROOT).status_code == 403
    answer(browser, "get", LOGIN)
    token = browser.cookies[settings.CSRF_COOKIE_NAME].value
    wrong = answer(browser, "post", LOGIN, data={**ROOT, "csrfmiddlewaretoken": token[::-1]})
    assert wrong.status_code == 403
    right = answer(browser, "post", LOGIN, data={**ROOT, "csrfmiddlewaretoken": token})
    assert (right.status_code, right.headers["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("kind", [AsyncClient, Client])
def test_pages_may_not_be_framed_and_say_how_long_they_are(kind):
    page = answer(kind(), "get", LOGIN)
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Content-Length"] == str(len(page.content))


@pytest.mark.parametrize("kind", [AsyncClient, Client])
def test_an_answer_without_content_does_not_say_how_long_it_is(kind):
    root = User.objects.create_superuser("root@example.com", "a long way down")
    _, token = AuthToken.objects.create(root)
    left = answer(kind(), "post", "/api/auth/logout/", headers={"Authorization": f"Bearer {token}"})
    assert (left.status_code, "Content-Length" in left.headers) == (204, False)


async def test_no_step_of_it_goes_into_a_thread(monkeypatch):
    seen = set()

    def watch(owner: type, step: str) -> None:
        original = getattr(owner, step)

        def watched(*arguments: Any) -> Any:
            seen.add((owner, step, threading.current_thread()))
            return original(*arguments)

        monkeypatch.setattr(owner, step, watched)

    steps = [
        (owner, step)
        for owner in THEIRS
        for step in ("process_request", "process_view", "process_response")
        if hasattr(owner, step)
    ]
    for owner, step in steps:
        watch(owner, step)
    await AsyncClient().get("/api/users/me/")
    assert seen == {(owner, step, threading.current_thread()) for owner, step in steps}


async def test_a_form_is_parsed_in_a_thread_because_it_may_be_large(monkeypatch):
    parsed_in = []

    def parse(self: csrf.CsrfViewMiddleware, request: HttpRequest) -> None:
        parsed_in.append(threading.current_thread())

    monkeypatch.setattr(csrf.CsrfViewMiddleware, "_check_token", parse)
    await AsyncClient(enforce_csrf_checks=True).post(LOGIN, data=ROOT)
    assert parsed_in
    assert threading.current_thread() not in parsed_in
