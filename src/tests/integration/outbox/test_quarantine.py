import json
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from outbox import ledger, quarantine
from outbox.models import OutboxEvent
from outbox.quarantine import NotInQuarantine, discard, find, quarantined, release
from outbox.relay import deliver_due
from outbox.sealing import seal
from tests.integration.outbox.conftest import batches, execute, outbox, record


def test_quarantined_events_are_listed_with_their_reason(refused):
    (event,) = quarantined(limit=10)
    assert (event["batch_id"], event["event_type"]) == (refused, "test_noticed")
    assert "poison" in event["reason"]
    assert "poison" in outbox("quarantine", "list")[1]
    assert json.loads(outbox("quarantine", "list", "--json")[1])[0]["batch_id"] == str(refused)


def test_one_is_shown_with_its_content(refused):
    assert find(refused)["context"] == '{"number":13,"text":""}'
    assert '"number":13' in outbox("quarantine", "show", str(refused))[1]


def test_it_is_delivered_once_the_cause_is_gone_even_after_its_slot_was_rotated(refused):
    execute("TRUNCATE outbox_event")
    outbox("quarantine", "replay", str(refused))
    assert deliver_due(seconds=10) == 1
    assert [batch["state"] for batch in batches()] == ["delivered"]
    call_command("outbox", "verify", stdout=StringIO())


def test_it_comes_back_if_the_store_still_refuses_it(refused):
    release(refused)
    ledger.quarantine(ledger.lease(owner="test"), reason="refused again")
    assert [event["reason"] for event in quarantined(limit=10)] == ["refused again"]


def test_all_are_replayed_at_once_when_their_common_cause_is_gone(memory_store):
    record(*range(12))
    seal()
    while lease := ledger.lease(owner="test"):
        if lease.events > 1:
            ledger.split(lease, reason="refused")
        else:
            ledger.quarantine(lease, reason="refused")
    assert len(quarantined(limit=100)) == 12
    assert outbox("quarantine", "replay", "--all") == (
        0,
        "12 events will be tried again; what is still refused comes back\n",
    )
    assert deliver_due(seconds=10) == 12
    assert quarantined(limit=100) == []
    with pytest.raises(CommandError, match="not both"):
        outbox("quarantine", "replay", str(uuid4()), "--all")


def test_discarding_is_an_event_itself(refused):
    discard(refused, by="ada", because="a test of ours")
    assert quarantined(limit=10) == []
    event = OutboxEvent.objects.get(event_type="event_discarded")
    assert event.actor_id == "ada"
    said = json.loads(event.context)
    assert said["batch_id"] == str(refused)
    assert said["discarded_because"] == "a test of ours"
    assert "poison" in said["refused_because"]


def test_discarding_wants_a_reason_and_asks_before_it_acts(refused, monkeypatch):
    for reason in ((), ("--because", "  ")):
        with pytest.raises(CommandError, match="say why"):
            outbox("quarantine", "discard", str(refused), *reason, "--yes")
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert outbox("quarantine", "discard", str(refused), "--because", "x")[0] == 1
    assert len(quarantined(limit=10)) == 1
    monkeypatch.setattr("builtins.input", lambda _: "y")
    outbox("quarantine", "discard", str(refused), "--because", "x")
    assert quarantined(limit=10) == []


@pytest.mark.parametrize("act", [find, release, lambda batch_id: discard(batch_id, by="a", because="b")])
def test_what_is_not_in_quarantine_is_left_alone(refused, act):
    with pytest.raises(NotInQuarantine):
        act(uuid4())
    assert len(quarantined(limit=10)) == 1


def test_no_discard_is_recorded_that_did_not_happen(refused, monkeypatch):
    found = find(refused)
    release(refused)
    monkeypatch.setattr(quarantine, "find", lambda _batch_id: found)
    with pytest.raises(NotInQuarantine):
        discard(refused, by="ada", because="too late")
    assert not OutboxEvent.objects.filter(event_type="event_discarded").exists()
    assert [batch["state"] for batch in batches()] == ["sealed"]
