import json
from typing import Any

import pytest
from django.test import Client

from outbox.models import OutboxEvent
from users.models import User

PASSWORD = "a long way down"


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("Ada@example.com", PASSWORD, first_name="Ada", last_name="Lovelace")


@pytest.fixture
def api() -> Client:
    return Client(headers={"Host": "localhost"})


def post(api: Client, path: str, body: Any, **headers: str) -> Any:
    return api.post(path, data=json.dumps(body), content_type="application/json", headers=headers or None)


def log_in(api: Client, **changes: Any) -> Any:
    return post(api, "/api/auth/login/", {"email": "ada@example.com", "password": PASSWORD, **changes})


def events(event_type: str, **context: Any) -> list[OutboxEvent]:
    """The recorded events of this type whose context has these members, in the order of recording."""
    found = OutboxEvent.objects.filter(event_type=event_type)
    return [event for event in found if context.items() <= json.loads(event.context).items()]
