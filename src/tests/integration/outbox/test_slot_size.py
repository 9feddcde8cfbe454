"""The alert OutboxSlotsFilling tells by its size whether a slot holds events."""

import re

import pytest
from django.db import transaction

from core.settings.environment import SOURCE
from outbox.client import EventLogClient
from outbox.figures import figures
from users.events import UserRegistered

ALERTS = SOURCE.parent / "docs" / "monitoring" / "alerts.yml"


@pytest.mark.django_db(transaction=True)
def test_one_event_makes_a_slot_larger_than_the_alert_takes_for_empty():
    (bound,) = map(int, re.findall(r"slot_bytes\) > (\d+)", ALERTS.read_text()))
    assert all(slot["bytes"] <= bound for slot in figures().slots)
    with transaction.atomic():
        EventLogClient.record(UserRegistered(user_id=1, email="ada@example.com"))
    assert sum(slot["bytes"] > bound for slot in figures().slots) == 1
