"""An event log of this test's own, in memory or in ClickHouse, and staff who may read it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from events.store import Batch
from events.stores.memory import MemoryEventReader, MemoryEventStore
from guards import denials
from guards.denials import Pauses
from tests.contracts.batches import MARCH_2026_US, batch
from tests.integration.guards.conftest import fresh_counters, shared, throttled
from tests.integration.users.conftest import PASSWORD, _cheap_hashes, _events_of_this_test, ada, api, logged_in
from users.models import User

__all__ = ["_cheap_hashes", "_events_of_this_test", "ada", "api", "fresh_counters", "shared", "throttled"]

Keep = Callable[..., list[UUID]]


def filled(*, rows: int, occurred_us: int = MARCH_2026_US, **columns: Any) -> Batch:
    """A batch of which some columns have one value."""
    made = batch(rows=rows, occurred_us=occurred_us)
    return replace(made, events=replace(made.events, **{name: [value] * rows for name, value in columns.items()}))


def ids(made: Batch) -> list[UUID]:
    return [UUID(event_id) for event_id in made.events.event_id]


@pytest.fixture
def reader_in_use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Have the API read through this one."""

    return lambda reader: monkeypatch.setattr("event_log.reader._new", lambda: reader)


@pytest.fixture
def keep(reader_in_use: Callable[[Any], None]) -> Keep:
    """Put events into the event log; their ids, the oldest first."""
    store = MemoryEventStore()
    reader_in_use(MemoryEventReader(store))

    def append(*, rows: int = 1, **columns: Any) -> list[UUID]:
        made = filled(rows=rows, **columns)
        asyncio.run(store.append(made))
        return ids(made)

    return append


def staff(api: Client, *permissions: str, **changes: Any) -> dict[str, str]:
    """The header of somebody on the staff with these permissions."""
    user = User.objects.create_user("staff@example.com", PASSWORD, **{"is_staff": True, **changes})
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return logged_in(api, email=user.email)


@pytest.fixture
def auditor(api: Client, db: None) -> dict[str, str]:
    return staff(api, "view_event")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "_pauses", Pauses(seconds=60, most=100))


def found(api: Client, headers: dict[str, str], query: Any = None) -> list[str]:
    """The ids on the first page, in their order."""
    response = api.get("/api/events/", query, headers=headers)
    assert response.status_code == 200, response.content
    return [each["event_id"] for each in response.json()["results"]]
