"""What the journey tells the seam: each fact once, and nothing that did not happen."""

from collections import Counter

import pytest
from django.db import transaction

from events.store import StoreMisconfigured, StoreRefused, StoreUnavailable
from events.stores.memory import MemoryEventStore
from kit import measure
from outbox import ledger, relay
from outbox.breaker import Breaker
from outbox.client import EventLogClient
from outbox.event_store import wait_for
from outbox.relay import Outcome, deliver_one
from outbox.rotation import rotate
from outbox.sealing import seal
from outbox.tasks import tick
from outbox.verification import reconcile
from tests.integration.outbox.conftest import Noticed, execute, record


class Notebook:
    def __init__(self):
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.values = {}
        self.levels = {}

    def count(self, name, amount, labels):
        self.counts[name, *labels.values()] += amount

    def observe(self, name, value, labels):
        self.values.setdefault((name, *labels.values()), []).append(value)

    def gauge(self, name, value, labels):
        self.levels[name] = value


class Scripted(MemoryEventStore):
    def __init__(self):
        super().__init__()
        self.error: Exception | None = None
        self.poison = ""

    async def append(self, batch):
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if self.poison and any(self.poison in context for context in batch.events.context):
            raise StoreRefused(reason="poison", code=117)
        await super().append(batch)


@pytest.fixture
def notes(monkeypatch):
    notebook = Notebook()
    monkeypatch.setattr(measure, "_meters", [notebook])
    return notebook


@pytest.fixture
def store(monkeypatch):
    scripted = Scripted()
    monkeypatch.setattr(relay, "event_store", lambda: scripted)
    monkeypatch.setattr("outbox.verification.event_store", lambda: scripted)
    monkeypatch.setattr(relay, "breaker", Breaker())
    return scripted


def make_due() -> None:
    execute("UPDATE outbox_batch SET due_at = now() - interval '1 second' WHERE state = 'sealed'")


def test_a_recorded_event_counts_by_its_type_once_it_is_committed(notes):
    with transaction.atomic():
        EventLogClient.record(Noticed(number=1))
        EventLogClient.record_many(Noticed(number=number) for number in range(3))
        assert notes.counts == {}
    assert notes.counts == {("outbox.events_recorded", "test_noticed"): 4}


def test_what_is_rolled_back_never_counts(notes):
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012 -- the block is the transaction
        EventLogClient.record(Noticed(number=1))
        raise ZeroDivisionError
    with transaction.atomic():
        EventLogClient.record(Noticed(number=2))
        with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012 -- the block is the transaction
            EventLogClient.record(Noticed(number=3))
            raise ZeroDivisionError
    assert notes.counts == {("outbox.events_recorded", "test_noticed"): 1}


def test_a_delivery_is_told_with_its_size_and_duration(notes, store):
    record(1, 2, 3)
    tick()
    assert notes.counts["outbox.ticks",] == 1
    assert notes.counts["outbox.batches_sealed",] == notes.counts["outbox.batches_delivered",] == 1
    assert notes.counts["outbox.events_sealed",] == notes.counts["outbox.events_delivered",] == 3
    assert notes.values["outbox.batch_events",] == [3]
    assert notes.values["outbox.batch_bytes",][0] > 10
    (seconds,) = notes.values["outbox.delivery_seconds", "delivered"]
    assert 0 < seconds < 60


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (StoreUnavailable(reason="away", code="ConnectionRefusedError"), "unavailable", "ConnectionRefusedError"),
        (StoreMisconfigured(reason="no table", code=60), "misconfigured", "60"),
        (StoreMisconfigured(reason="looked at"), "misconfigured", "none"),
    ],
)
def test_a_store_that_cannot_is_told_by_kind_and_code_and_trips_the_breaker_until_it_can(
    notes, store, error, kind, code
):
    record(1)
    seal()
    store.error = error
    assert deliver_one()[0] is Outcome.UNAVAILABLE
    assert notes.counts["outbox.store_errors", kind, code] == 1
    assert notes.levels["outbox.breaker_open"] == 1
    assert len(notes.values["outbox.delivery_seconds", "unavailable"]) == 1
    make_due()
    assert deliver_one()[0] is Outcome.DELIVERED
    assert notes.levels["outbox.breaker_open"] == 0
    assert notes.counts["outbox.batches_delivered",] == 1


def test_refused_data_is_told_as_splits_and_a_quarantined_event(notes, store):
    store.poison = "bad"
    with transaction.atomic():
        EventLogClient.record_many([Noticed(number=1, text="bad"), *(Noticed(number=n) for n in range(3))])
    seal()
    while deliver_one()[0] is not Outcome.NOTHING_DUE:
        pass
    assert notes.counts["outbox.batches_split",] == 2
    assert notes.counts["outbox.events_quarantined",] == 1
    assert notes.counts["outbox.events_delivered",] == 3
    assert notes.counts["outbox.store_errors", "refused", "117"] == 3


def test_an_expired_lease_is_told_by_whoever_takes_over_and_a_lost_one_by_whoever_is_late(notes, store, monkeypatch):
    record(1)
    seal()
    ledger.lease(owner="somebody who dies")
    make_due()
    assert deliver_one()[0] is Outcome.DELIVERED
    assert notes.counts["outbox.leases_expired",] == 1

    record(2)
    seal()
    monkeypatch.setattr(ledger, "_now", lambda: float("inf"))
    assert deliver_one()[0] is Outcome.LEASE_LOST
    assert notes.counts["outbox.leases_lost",] == 1
    assert notes.counts["outbox.batches_delivered",] == 1


def test_a_batch_given_back_was_not_an_expired_lease(notes, store):
    record(1)
    seal()
    store.error = StoreUnavailable(reason="away")
    deliver_one()
    make_due()
    deliver_one()
    assert notes.counts["outbox.leases_expired",] == 0


def test_an_attempt_that_finds_its_batch_stored_is_told(notes, store):
    record(1)
    seal()
    batch = ledger.read(ledger.lease(owner="somebody who dies"))
    wait_for(store.append(batch))
    make_due()
    assert deliver_one()[0] is Outcome.DELIVERED
    assert notes.counts["outbox.batches_found_stored",] == 1


def test_a_comparison_tells_its_end_and_every_difference_by_kind(notes, store):
    record(1, 2, 3)
    tick()
    reconcile()
    assert notes.counts["outbox.reconciliations",] == 1
    assert notes.levels["outbox.reconciled_timestamp_seconds"] > 0
    assert {key[1]: number for key, number in notes.counts.items() if key[0] == "outbox.differences"} == dict.fromkeys(
        ["missing", "repeated", "changed", "unexpected", "unnamed", "stray", "unknown_batch"], 0
    )

    (kept,) = store._fingerprints.values()
    first, second, _third = kept
    del kept[first]
    kept[second] *= 2
    reconcile()
    assert notes.counts["outbox.differences", "missing"] == 1
    assert notes.counts["outbox.differences", "repeated"] == 1
    assert notes.counts["outbox.differences", "changed"] == 0
    assert notes.counts["outbox.reconciliations",] == 2


def test_a_comparison_that_the_store_breaks_off_is_none(notes, store, monkeypatch):
    async def away(*_, **__):
        raise StoreUnavailable(reason="away")

    record(1)
    tick()
    monkeypatch.setattr(store, "digests", away)
    with pytest.raises(StoreUnavailable):
        reconcile()
    assert notes.counts["outbox.reconciliations",] == 0


def test_a_rotated_slot_is_told(notes, store):
    execute(
        "INSERT INTO outbox_event (slot, event_id, event_type, occurred_at, environment, context, metadata_version,"
        " actor_id, request_id, trace_context) VALUES (((extract(epoch FROM now()) / 86400)::bigint - 3) %% 8,"
        " gen_random_uuid(), %s, now() - interval '3 days', 'test', '{}', 1, '', '', '')",
        "test_noticed",
    )
    tick()
    assert len(rotate()) == 1
    assert notes.counts["outbox.slots_rotated",] == 1
