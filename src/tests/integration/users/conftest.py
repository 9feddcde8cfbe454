import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client

from kit.errors import DomainError
from outbox.models import OutboxEvent
from users.hashing import Argon2idHasher
from users.letters.delivery import deliver_due
from users.models import User

PASSWORD = "a long way down"
NETWORK = "127.0.0.1"  # where the test client calls from


@pytest.fixture(autouse=True)
def _cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id all the same, of next to no memory: there are thousands of logins here."""
    if "real_hashes" not in request.fixturenames:
        monkeypatch.setattr(Argon2idHasher, "memory_cost", 8)
        monkeypatch.setattr(Argon2idHasher, "time_cost", 1)


@pytest.fixture
def real_hashes() -> None:
    """Hashes cost what they cost in production."""


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("Ada@example.com", PASSWORD, first_name="Ada", last_name="Lovelace")


@pytest.fixture
def api() -> Client:
    return Client(headers={"Host": "localhost"})


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.com", PASSWORD)


@pytest.fixture
def admin(root: User) -> Client:
    return browser_of(root)


def browser_of(user: User) -> Client:
    """A browser in which somebody has signed in to the admin."""
    browser = Client(headers={"Host": "localhost"})
    browser.force_login(user)
    return browser


def post(api: Client, path: str, body: Any, **headers: str) -> Any:
    return api.post(path, data=json.dumps(body), content_type="application/json", headers=headers or None)


def log_in(api: Client, **changes: Any) -> Any:
    return post(api, "/api/auth/login/", {"email": "ada@example.com", "password": PASSWORD, **changes})


# The outbox outlives the tests: it is no table of Django's, and nothing is ever deleted from it.
_earlier = {"newest": 0}


@pytest.fixture(autouse=True)
def _events_of_this_test(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("django_db"):
        request.getfixturevalue("_django_db_helper")
        newest = OutboxEvent.objects.order_by("-id").values_list("id", flat=True).first()
        _earlier["newest"] = newest or 0


def events(event_type: str, **context: Any) -> list[OutboxEvent]:
    """This test's events of this type whose context has these members, in the order of recording."""
    found = OutboxEvent.objects.filter(event_type=event_type, id__gt=_earlier["newest"])
    return [event for event in found if context.items() <= json.loads(event.context).items()]


def logged_in(api: Client, **changes: Any) -> dict[str, str]:
    """The header of a new session."""
    return {"Authorization": f"Bearer {log_in(api, **changes).json()['token']}"}


def contexts(event_type: str, **context: Any) -> list[dict[str, Any]]:
    """What those events say."""
    return [json.loads(event.context) for event in events(event_type, **context)]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls in threads of their own at the same moment; their results, or the domain errors they raised."""
    start = threading.Barrier(len(calls))

    def make(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except DomainError as error:
            return type(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(make, calls))


@pytest.fixture
def letters() -> Callable[[], list[EmailMessage]]:
    """Send what waits; the letters that were sent, and forget them."""

    def deliver() -> list[EmailMessage]:
        deliver_due(seconds=30)
        sent, mail.outbox = list(mail.outbox), []
        return sent

    mail.outbox = []
    return deliver


def token_in(letter: EmailMessage) -> str:
    (token,) = re.findall(r"^token: (.+)$", str(letter.body), re.MULTILINE)
    return str(token)
