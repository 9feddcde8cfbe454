"""The ledger is compared with the store, batch by batch, and every difference is named."""

from datetime import UTC, datetime, timedelta

from django.utils.timezone import now

from events.stores.memory import MemoryEventStore
from outbox import verification
from outbox.relay import deliver_due
from outbox.sealing import seal
from outbox.verification import verify
from tests.integration.outbox.conftest import batches, execute, record

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def outcome():
    *_, found = verify(since=LONG_AGO)
    return found


def kept_of(store: MemoryEventStore, batch: int) -> dict:
    return store._fingerprints[batches()[batch]["batch_id"]]


def test_what_was_delivered_once_is_in_order(delivered):
    found = outcome()
    assert (found.in_order, found.batches, found.events) == (True, 2, 5)


def test_an_empty_ledger_is_in_order(memory_store):
    assert outcome().in_order


def test_a_missing_event_is_named(delivered):
    lost, _ = kept_of(delivered, 0).popitem()
    (difference,) = outcome().differences
    assert difference.missing == [lost]
    assert [*difference.repeated, *difference.changed, *difference.unexpected] == []
    assert difference.unnamed == 0


def test_a_missing_batch_is_named_event_by_event(delivered):
    lost = set(delivered._fingerprints.pop(batches()[1]["batch_id"]))
    (difference,) = outcome().differences
    assert set(difference.missing) == lost


def test_a_repeated_event_is_named(delivered):
    kept = kept_of(delivered, 0)
    repeated = next(iter(kept))
    kept[repeated] = kept[repeated] * 2
    (difference,) = outcome().differences
    assert difference.repeated == [repeated]
    assert [*difference.missing, *difference.changed] == []


def test_a_changed_event_is_named(delivered):
    kept = kept_of(delivered, 0)
    changed = next(iter(kept))
    kept[changed] = [12345]
    (difference,) = outcome().differences
    assert difference.changed == [changed]


def test_an_event_that_was_never_in_the_batch_is_named(delivered):
    stranger = next(iter(kept_of(delivered, 1)))
    kept_of(delivered, 0)[stranger] = [1]
    (difference,) = outcome().differences
    assert difference.unexpected == [stranger]


def test_a_difference_is_counted_when_the_outbox_no_longer_knows_the_events(delivered):
    kept_of(delivered, 0).popitem()
    execute("TRUNCATE outbox_event")
    (difference,) = outcome().differences
    assert (difference.missing, difference.unnamed) == ([], 1)


def test_only_batches_settled_since_then_are_compared(delivered):
    execute("UPDATE outbox_batch SET delivered_at = %s WHERE events = 3", now() - timedelta(days=3))
    *_, found = verify(since=now() - timedelta(days=1))
    assert (found.batches, found.events) == (1, 2)


def test_the_ledger_is_read_page_by_page_and_no_batch_is_passed_over(delivered, monkeypatch):
    monkeypatch.setattr(verification, "_PAGE", 3)
    for number in range(10, 30):
        record(number)
        seal()
    deliver_due(seconds=10)
    execute("UPDATE outbox_batch SET delivered_at = (SELECT min(delivered_at) FROM outbox_batch) WHERE events = 1")
    found = outcome()
    assert (found.in_order, found.batches, found.events) == (True, 22, 25)
