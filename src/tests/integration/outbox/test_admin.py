import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from outbox.models import OutboxEvent
from outbox.quarantine import quarantined
from outbox.sealing import seal
from tests.integration.outbox.conftest import batches, execute, record

BATCHES = "admin:outbox_outboxbatch_changelist"
EVENTS = "admin:outbox_outboxevent_changelist"


def browser_of(*permissions: str, superuser: bool = False) -> Client:
    user = get_user_model().objects.create_user(email="staff@example.com", password=None)
    user.is_staff, user.is_superuser = True, superuser
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(user)
    return browser


def act(browser: Client, action: str, batch_id: object, **more: str) -> str:
    chosen = {"action": action, "_selected_action": [str(batch_id)], **more}
    answer = browser.post(reverse(BATCHES), chosen, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_batches_are_listed_with_state_and_reason(refused):
    page = browser_of(superuser=True).get(reverse(BATCHES)).content.decode()
    assert str(refused) in page
    assert "quarantined" in page
    assert "poison" in page


def test_a_batch_links_to_its_events_and_to_no_others(memory_store):
    record(1, 2)
    seal()
    record(3)
    seal()
    browser = browser_of(superuser=True)
    batch_id = batches()[0]["batch_id"]
    page = browser.get(reverse("admin:outbox_outboxbatch_change", args=[batch_id])).content.decode()
    link = f"{reverse(EVENTS)}?batch={batch_id}"
    assert link in page
    listed = browser.get(link).content.decode()
    recorded = OutboxEvent.objects.filter(event_type="test_noticed")
    event_ids = [str(event.event_id) for event in recorded]
    assert [event_id in listed for event_id in event_ids] == [True, True, False]


@pytest.mark.parametrize("batch_id", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_batch_has_no_events(memory_store, batch_id):
    record(1)
    page = browser_of(superuser=True).get(reverse(EVENTS), {"batch": batch_id})
    assert page.status_code == 200
    assert "test_noticed" not in page.content.decode()


def test_nothing_can_be_added_changed_or_deleted(refused):
    browser = browser_of(superuser=True)
    for model in ("outboxbatch", "outboxevent"):
        assert browser.get(reverse(f"admin:outbox_{model}_add")).status_code == 403
    assert (
        browser.post(reverse("admin:outbox_outboxbatch_change", args=[refused]), {"state": "delivered"}).status_code
        == 403
    )
    assert browser.post(reverse("admin:outbox_outboxbatch_delete", args=[refused]), {"post": "yes"}).status_code == 403
    assert batches()[0]["state"] == "quarantined"


def test_a_quarantined_event_is_replayed(refused):
    assert "will be delivered again" in act(browser_of(superuser=True), "replay_quarantined", refused)
    assert batches()[0]["state"] == "sealed"


def test_a_quarantined_event_is_discarded_and_the_admin_is_the_actor(refused):
    browser = browser_of("view_outboxbatch", "change_outboxbatch")
    assert "Why?" in act(browser, "discard_quarantined", refused)
    assert len(quarantined(limit=1)) == 1
    assert "discarded" in act(browser, "discard_quarantined", refused, because="a slip of ours")
    assert quarantined(limit=1) == []
    user = get_user_model().objects.get()
    event = OutboxEvent.objects.get(event_type="event_discarded")
    assert event.actor_id == str(user.pk)
    assert "a slip of ours" in event.context


def test_deciding_needs_the_permission(refused):
    browser = browser_of("view_outboxbatch")
    act(browser, "discard_quarantined", refused, because="x")
    assert batches()[0]["state"] == "quarantined"


def test_a_batch_that_is_not_in_quarantine_is_left_alone(refused):
    execute("UPDATE outbox_batch SET state = 'sealed'")
    assert "no quarantined event" in act(browser_of(superuser=True), "replay_quarantined", refused)


def test_outsiders_see_nothing(refused):
    assert Client().get(reverse(BATCHES)).status_code == 302
    assert browser_of().get(reverse(BATCHES)).status_code == 403


def test_batches_are_filtered_by_state(refused):
    browser = browser_of(superuser=True)
    assert str(refused) in browser.get(reverse(BATCHES), {"state": "quarantined"}).content.decode()
    assert str(refused) not in browser.get(reverse(BATCHES), {"state": "delivered"}).content.decode()
