"""What is pending, in doubt and set aside."""

import time

import pytest

from outbox import figures as asked
from outbox import ledger
from outbox.figures import figures
from outbox.relay import Outcome, deliver_one
from outbox.sealing import seal
from outbox.status import status
from tests.integration.outbox.conftest import execute, record


def test_of_an_empty_outbox_everything_is_zero():
    found = figures()
    assert (found.pending_events, found.pending_bytes, found.oldest_pending_age) == (0, 0, 0)
    assert (found.unsealed_events, found.oldest_unsealed_age, found.sealed_batches) == (0, 0, 0)
    assert (found.batches_in_doubt, found.quarantined_events) == (0, 0)
    assert [slot["slot"] for slot in found.slots] == [f"outbox_event_slot_{number}" for number in range(8)]


def test_what_is_committed_is_pending_from_its_recording_to_its_delivery(memory_store):
    record(1, 2, 3, text="x" * 100)
    found = figures()
    assert (found.pending_events, found.unsealed_events, found.sealed_batches) == (3, 3, 0)
    assert 300 < found.pending_bytes < 1000
    assert 0 < found.oldest_unsealed_age == found.oldest_pending_age < 60

    seal()
    before, found = found, figures()
    assert (found.pending_events, found.unsealed_events, found.sealed_batches) == (3, 0, 1)
    assert (found.pending_bytes, found.oldest_unsealed_age) == (before.pending_bytes, 0)
    assert found.oldest_pending_age > 0

    deliver_one()
    found = figures()
    assert (found.pending_events, found.oldest_pending_age, found.sealed_batches) == (0, 0, 0)


def test_what_is_not_committed_is_nobodys_business_and_counts_as_soon_as_it_is(writer):
    slow = writer().record(1, 2)
    record(3)
    seal()
    assert (figures().pending_events, figures().unsealed_events) == (1, 0)
    slow.commit()
    assert (figures().pending_events, figures().unsealed_events) == (3, 2)


def test_counting_ends_at_its_limit_and_the_age_is_right_all_the_same(monkeypatch):
    record(1)
    time.sleep(0.2)
    for number in range(2, 8):
        record(number)
    monkeypatch.setattr(asked, "_COUNTED_AT_MOST", 5)
    found = figures()
    assert found.unsealed_events == 5
    assert found.oldest_unsealed_age > 0.2


@pytest.mark.parametrize(
    "moved", ["timeline = 'another'", "cluster = cluster - 1", "adopting_since = now()", "rebase = true"]
)
def test_while_everything_waits_because_the_database_has_moved_it_is_said(moved):
    record(1)
    assert not figures().is_held
    execute(f"UPDATE outbox_cursor SET {moved}")
    assert figures().is_held
    assert status().has_moved


def test_what_has_been_sealed_is_as_old_as_its_events(memory_store):
    """Also when a refused batch is split, and when the events themselves are gone."""
    record(1, 2)
    execute("UPDATE outbox_event SET occurred_at = now() - interval '1 hour'")
    assert 3600 <= figures().oldest_pending_age < 3660
    seal()
    record(3)
    seal()
    assert 3600 <= figures().oldest_pending_age < 3660
    assert 3600 <= status().oldest_pending_seconds < 3660
    execute("UPDATE outbox_batch SET due_at = now() + interval '1 hour' WHERE events = 1")
    lease = ledger.lease(owner="test")
    ledger.split(lease, reason="poison")
    assert 3600 <= figures().oldest_pending_age < 3660
    execute("TRUNCATE outbox_event")
    assert 0 < figures().oldest_pending_age < 60
    assert 0 < status().oldest_pending_seconds < 60


def test_a_batch_is_in_doubt_after_a_failed_or_an_abandoned_attempt_only(memory_store):
    record(1)
    seal()
    assert (figures().batches_leased, figures().batches_in_doubt) == (0, 0)
    lease = ledger.lease(owner="test")
    assert (figures().batches_leased, figures().batches_in_doubt) == (1, 0)
    execute("UPDATE outbox_batch SET due_at = now() - interval '1 second'")  # its worker has died
    assert (figures().batches_leased, figures().batches_in_doubt) == (0, 1)
    lease = ledger.lease(owner="test")
    ledger.postpone(lease, seconds=60, reason="no answer")
    assert (figures().batches_leased, figures().batches_in_doubt) == (0, 1)
    execute("UPDATE outbox_batch SET due_at = now()")
    assert deliver_one() == (Outcome.DELIVERED, 1)
    assert figures().batches_in_doubt == 0


def test_what_is_replayed_on_purpose_is_pending_but_nobody_has_been_waiting_for_it(memory_store):
    record(1)
    seal()
    deliver_one()
    execute("UPDATE outbox_batch SET sealed_at = now() - interval '2 days', state = 'sealed', replays = 1")
    found = figures()
    assert (found.pending_events, found.oldest_pending_age) == (1, 0)


def test_a_quarantined_event_counts_until_somebody_decides(refused):
    found = figures()
    assert (found.quarantined_events, found.pending_events) == (1, 0)
    execute("UPDATE outbox_batch SET state = 'discarded'")
    assert figures().quarantined_events == 0
