from datetime import timedelta

import pytest
from django.utils.timezone import now

from outbox import ledger
from outbox.models import OutboxEvent
from outbox.relay import deliver_due
from outbox.replay import replay
from outbox.rotation import prune, rotate
from outbox.sealing import seal, sweep
from outbox.verification import verify
from tests.integration.outbox.conftest import batches, execute, fetch, record

LONG_AGO = timedelta(days=5)


@pytest.fixture
def old_slot(memory_store):
    """A slot other than today's whose three events are five days old, sealed and delivered."""
    (today,) = fetch("SELECT (extract(epoch FROM statement_timestamp()) / 86400)::bigint AS day")
    slot = (today["day"] - 3) % 8
    record_into(slot, 1, 2, 3)
    seal()
    deliver_due(seconds=10)
    return slot


def record_into(slot: int, *numbers: int) -> None:
    record(*numbers)
    execute(
        "UPDATE outbox_event SET slot = %s, occurred_at = %s WHERE slot <> %s AND occurred_at > now() - interval '1 h'",
        slot, now() - LONG_AGO, slot,
    )  # fmt: skip


def test_a_finished_slot_is_truncated_and_its_space_comes_back(old_slot):
    assert rotate() == [old_slot]
    assert not OutboxEvent.objects.exists()
    (size,) = fetch("SELECT pg_relation_size(%s::regclass) AS bytes", f"outbox_event_slot_{old_slot}")
    assert size["bytes"] == 0
    assert [batch["state"] for batch in batches()] == ["delivered"]


def test_ids_go_on_after_a_slot_was_truncated(old_slot):
    before = fetch("SELECT max(id) AS id FROM outbox_event")[0]["id"]
    rotate()
    record(4)
    assert OutboxEvent.objects.get().id > before


def test_todays_slot_is_left_alone(memory_store, settings):
    settings.OUTBOX_RETENTION = 0
    record(1)
    seal()
    deliver_due(seconds=10)
    assert rotate() == []
    assert OutboxEvent.objects.count() == 1


def test_a_slot_within_its_retention_is_left_alone(old_slot, settings):
    settings.OUTBOX_RETENTION = 6 * 86400
    assert rotate() == []
    assert OutboxEvent.objects.count() == 3


def test_a_slot_with_unsealed_events_is_left_alone(old_slot):
    record_into(old_slot, 4)
    assert rotate() == []
    seal()
    deliver_due(seconds=10)
    assert rotate() == [old_slot]


def test_a_slot_with_undelivered_events_is_left_alone_however_long_the_outage(old_slot):
    record_into(old_slot, 4)
    seal()
    assert rotate() == []
    assert OutboxEvent.objects.count() == 4


def test_a_slot_with_an_open_writer_is_left_alone(old_slot, writer):
    slow = writer()
    slow.execute(
        "INSERT INTO outbox_event (slot, event_id, event_type, occurred_at, environment, context, metadata_version,"
        f" actor_id, request_id, trace_context) VALUES ({old_slot}, gen_random_uuid(), 'test_noticed',"
        " now() - interval '5 days', 'test', '{\"number\": 4}', 1, '', '', '')"
    )
    assert rotate() == []
    slow.commit()
    assert rotate() == []
    seal()
    deliver_due(seconds=10)
    assert rotate() == [old_slot]


def test_a_quarantined_event_is_kept_aside_when_its_slot_goes(old_slot):
    record_into(old_slot, 4)
    seal()
    ledger.quarantine(ledger.lease(owner="test"), reason="refused")
    assert rotate() == [old_slot]
    assert [row["context"] for row in fetch("SELECT context FROM outbox_quarantine")] == ['{"number":4,"text":""}']


def test_an_event_that_no_batch_holds_is_never_truncated_whatever_the_sealer_believes(old_slot):
    record_into(old_slot, 4)
    execute("UPDATE outbox_event SET txid = '3' WHERE context LIKE '%%4%%'")
    assert seal().events == 0
    assert rotate() == []
    (stray,) = OutboxEvent.objects.filter(context__contains="4").values_list("event_id", flat=True)
    *_, found = verify(since=now() - LONG_AGO)
    assert found.strays == [str(stray)]
    assert not found.in_order

    sweep()
    seal()
    deliver_due(seconds=10)
    assert rotate() == [old_slot]


def test_a_slot_is_not_truncated_under_a_batch_that_is_replayed(old_slot):
    replay([batch["batch_id"] for batch in batches()])
    assert rotate() == []
    deliver_due(seconds=10)
    assert rotate() == [old_slot]


def test_the_ledger_is_pruned_when_it_is_older_than_its_own_retention_and_the_outbox_has_moved_on(old_slot, settings):
    execute("UPDATE outbox_batch SET sealed_at = now() - interval '401 days'")
    assert prune() == 0
    rotate()
    assert prune() == 1
    assert batches() == []


def test_what_is_not_settled_is_never_pruned(old_slot):
    record(4)
    seal()
    execute("UPDATE outbox_batch SET sealed_at = now() - interval '401 days'")
    execute("TRUNCATE outbox_event")
    assert prune() == 1
    assert [batch["state"] for batch in batches()] == ["sealed"]
