"""The relay's decisions over the store that lives in memory, and over stores that fail in a certain way."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import connection
from opentelemetry.sdk.trace import TracerProvider

from core.observability.tracing.spans import opener
from events.fingerprint import checksum, fingerprints
from events.store import Batch, StoreMisconfigured, StoreRefused, StoreUnavailable
from events.stores.memory import MemoryEventStore
from kit import span as spans
from outbox import breaker, event_store, ledger, query, relay
from outbox.breaker import Breaker, backoff
from outbox.event_store import wait_for
from outbox.ledger import read_batch
from outbox.relay import Outcome, deliver_due, deliver_one
from outbox.sealing import seal
from tests.integration.outbox.conftest import batches, execute, fetch, record


class FailingStore(MemoryEventStore):
    """Does as its script says, append by append: an error before or after the batch was kept, or None."""

    def __init__(self, *script: tuple[str, Exception] | None) -> None:
        super().__init__()
        self.script = list(script)
        self.appended: list[Batch] = []
        self.asked: list[UUID] = []
        self.poison: set[str] = set()

    async def append(self, batch: Batch) -> None:
        self.appended.append(batch)
        when, error = (self.script.pop(0) if self.script else None) or ("", None)
        if when == "before":
            raise error
        if self.poison & set(batch.events.context):
            raise StoreRefused(reason="poison")
        await super().append(batch)
        if when == "after":
            raise error

    async def stored(self, batch_id: UUID) -> Mapping[str, Sequence[int]]:
        self.asked.append(batch_id)
        return await super().stored(batch_id)


@pytest.fixture
def store(monkeypatch):
    failing = FailingStore()
    monkeypatch.setattr(relay, "event_store", lambda: failing)
    monkeypatch.setattr(relay, "breaker", Breaker())
    return failing


@pytest.fixture
def sealed(store):
    record(1, 2, 3, 4)
    seal()


def make_due() -> None:
    execute("UPDATE outbox_batch SET due_at = now() - interval '1 second' WHERE state = 'sealed'")


def stored_events(store: MemoryEventStore) -> int:
    digests = wait_for(store.digests([batch["batch_id"] for batch in batches()]))
    assert all(digest.rows == digest.events for digest in digests.values())
    return sum(digest.rows for digest in digests.values())


def test_a_batch_is_delivered_and_settled_with_its_checksum(store, sealed):
    assert deliver_one() == (Outcome.DELIVERED, 4)
    (batch,) = batches()
    assert batch["state"] == "delivered"
    assert int(batch["checksum"]) == checksum(fingerprints(read_batch(batch["batch_id"]).events))
    assert wait_for(store.digests([batch["batch_id"]]))[batch["batch_id"]].checksum == int(batch["checksum"])
    assert deliver_one() == (Outcome.NOTHING_DUE, 0)


def test_the_first_attempt_asks_the_store_nothing(store, sealed):
    deliver_one()
    assert store.asked == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_unavailable_store_postpones_the_batch_and_the_next_attempt_leaves_it_once(store, sealed, when):
    store.script = [(when, StoreUnavailable(reason="gone"))]
    assert deliver_one() == (Outcome.UNAVAILABLE, 0)
    (batch,) = batches()
    assert batch["state"] == "sealed"
    assert "gone" in batch["reason"]

    make_due()
    assert deliver_one() == (Outcome.DELIVERED, 4)
    assert stored_events(store) == 4
    assert store.asked == [batch["batch_id"]]
    assert len(store.appended) == (2 if when == "before" else 1)


def test_only_what_is_missing_is_sent_again(store, sealed):
    (batch,) = batches()
    whole = read_batch(batch["batch_id"])
    wait_for(store.append(whole.without(set(whole.events.event_id[:3]))))
    execute("UPDATE outbox_batch SET attempts = 1")
    store.appended.clear()

    assert deliver_one() == (Outcome.DELIVERED, 4)
    assert [list(sent.events.event_id) for sent in store.appended] == [list(whole.events.event_id[:3])]
    assert stored_events(store) == 4


def test_attempts_go_on_for_ever(store, sealed):
    execute("UPDATE outbox_batch SET attempts = 1000000")
    store.script = [("before", StoreUnavailable(reason="gone"))]
    assert deliver_one()[0] is Outcome.UNAVAILABLE
    make_due()
    assert deliver_one()[0] is Outcome.DELIVERED


def test_one_unavailable_answer_ends_the_round(store, sealed):
    record(5)
    seal()
    store.script = [("before", StoreUnavailable(reason="gone"))] * 2
    assert deliver_due(seconds=10) == 0
    assert len(store.appended) == 1


def test_after_an_unavailable_answer_the_store_is_left_alone_for_a_while(store, sealed, settings):
    settings.OUTBOX_BACKOFF_BASE = settings.OUTBOX_BACKOFF_CAP = 3600.0
    record(5)
    seal()
    store.script = [("before", StoreUnavailable(reason="gone"))]
    deliver_due(seconds=10)
    deliver_due(seconds=10)
    deliver_due(seconds=10)
    assert len(store.appended) == 1


def test_when_the_store_is_back_nothing_waits_for_its_backoff(store, sealed, settings):
    settings.OUTBOX_BACKOFF_CAP = 3600.0
    store.script = [("before", StoreUnavailable(reason="gone"))]
    deliver_one()
    execute("UPDATE outbox_batch SET due_at = now() + interval '1 hour'")
    record(5)
    seal()
    relay.breaker._open_until = 0
    assert deliver_due(seconds=10) == 5
    assert {batch["state"] for batch in batches()} == {"delivered"}


def test_a_fault_of_the_deployment_is_said_once_a_minute_not_with_every_attempt(store, sealed, monkeypatch):
    store.script = [("before", StoreMisconfigured(reason="no table"))] * 5
    said = []
    monkeypatch.setattr(breaker.log, "error", lambda event, **_: said.append(event))
    for _ in range(5):
        make_due()
        assert deliver_one()[0] is Outcome.UNAVAILABLE
    assert said == ["store_misconfigured"]


def test_a_round_delivers_all_that_is_due(store, settings):
    settings.OUTBOX_BATCH_ROWS = 3
    record(*range(10))
    seal()
    assert deliver_due(seconds=10) == 10
    assert {batch["state"] for batch in batches()} == {"delivered"}


def test_a_round_ends_when_its_time_is_up(store, sealed):
    assert deliver_due(seconds=0) == 0
    assert not store.appended


def test_refused_data_is_split_until_the_refused_event_stands_alone(store, sealed):
    store.poison = {'{"number":3,"text":""}'}
    deliver_due(seconds=10)

    found = fetch("SELECT state, sum(events)::int AS events FROM outbox_batch WHERE state <> 'split' GROUP BY state")
    by_state = {row["state"]: row["events"] for row in found}
    assert by_state == {"delivered": 3, "quarantined": 1}
    (quarantined,) = [batch for batch in batches() if batch["state"] == "quarantined"]
    assert "poison" in quarantined["reason"]
    assert list(read_batch(quarantined["batch_id"]).events.context) == list(store.poison)
    assert stored_events(store) == 3


def test_a_batch_that_the_store_took_in_spite_of_refusing_it_is_not_split(store, sealed):
    store.script = [("after", StoreRefused(reason="a view behind the table threw"))]
    assert deliver_one() == (Outcome.DELIVERED, 4)
    assert stored_events(store) == 4


def test_a_remainder_that_is_refused_waits_because_splitting_would_repeat_the_rest(store, sealed):
    (batch,) = batches()
    whole = read_batch(batch["batch_id"])
    wait_for(store.append(whole.without(set(whole.events.event_id[:1]))))
    execute("UPDATE outbox_batch SET attempts = 1")
    store.poison = {whole.events.context[0]}
    assert deliver_one() == (Outcome.SET_BACK, 0)
    (batch,) = batches()
    assert batch["state"] == "sealed"
    assert "3 of the batch's 4 events and refuses the others" in batch["reason"]
    assert stored_events(store) == 3


def test_a_fault_of_ours_holds_up_one_batch_and_stands_in_the_ledger(store, sealed):
    record(5)
    seal()
    store.script = [("before", ZeroDivisionError("oops"))]
    assert deliver_due(seconds=10) == 1
    assert [batch["reason"] for batch in batches() if batch["state"] == "sealed"] == [
        "ZeroDivisionError, see the worker's log"
    ]


@pytest.mark.parametrize("trace", ["not-a-traceparent", "00-zz-1-01", "a-b-c-d", f"00-{0:032x}-{0:016x}-01"])
def test_what_is_written_where_a_trace_belongs_does_not_stop_the_delivery(store, monkeypatch, caplog, trace):
    record(1)
    execute("UPDATE outbox_event SET trace_context = %s", trace)
    seal()
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    monkeypatch.setattr(spans, "_tracers", [opener(tracer)])
    monkeypatch.setattr(spans, "_shield", spans._Shield())
    assert deliver_one() == (Outcome.DELIVERED, 1)
    assert "tracer_failed" not in caplog.text


def test_a_tracer_that_fails_does_not_stop_the_delivery(store, sealed, monkeypatch):
    @contextmanager
    def broken(name, attributes):
        raise ArithmeticError(name)
        yield

    monkeypatch.setattr(spans, "_tracers", [broken])
    assert deliver_one()[0] is Outcome.DELIVERED


def test_a_worker_that_comes_too_late_settles_nothing(store, sealed, monkeypatch):
    def overtaken(name: str, /, **parameters: object) -> int:
        execute("UPDATE outbox_batch SET fence = fence + 1")
        return changed(name, **parameters)

    changed = query.changed
    monkeypatch.setattr(query, "changed", overtaken)
    assert deliver_one() == (Outcome.LEASE_LOST, 0)
    monkeypatch.undo()
    monkeypatch.setattr(relay, "event_store", lambda: store)
    (batch,) = batches()
    assert batch["state"] == "sealed"

    make_due()
    assert deliver_one() == (Outcome.DELIVERED, 4)
    assert stored_events(store) == 4


def test_a_worker_that_was_paused_for_longer_than_its_lease_sends_nothing(store, sealed, settings, monkeypatch):
    settings.OUTBOX_LEASE_SECONDS = 0.05
    original = ledger.read

    def paused(lease):
        batch = original(lease)
        time.sleep(0.1)
        return batch

    monkeypatch.setattr(ledger, "read", paused)
    assert deliver_one() == (Outcome.LEASE_LOST, 0)
    assert store.appended == []


def test_a_batch_whose_events_were_deleted_by_hand_waits_and_says_so(store, sealed):
    execute("DELETE FROM outbox_event WHERE context LIKE '%%\"number\":2,%%'")
    record(5)
    seal()
    assert deliver_due(seconds=10) == 1
    assert "3 of the batch's 4" in batches()[0]["reason"]


def test_backoff_grows_to_its_cap_with_full_jitter(settings):
    settings.OUTBOX_BACKOFF_BASE = 1.0
    settings.OUTBOX_BACKOFF_CAP = 30.0
    waits = {attempts: [backoff(attempts) for _ in range(300)] for attempts in (1, 3, 1_000_000)}
    assert 0.5 < max(waits[1]) <= 1
    assert 3 < max(waits[3]) <= 4
    assert 25 < max(waits[1_000_000]) <= 30
    assert min(waits[1_000_000]) < 5


def test_the_stores_loop_survives_from_call_to_call(memory_store):
    async def loop_id() -> int:
        return id(asyncio.get_running_loop())

    assert wait_for(loop_id()) == wait_for(loop_id())
    assert event_store.event_store() is memory_store


def test_a_store_that_takes_longer_than_a_lease_gets_there_all_the_same(memory_store, settings, monkeypatch):
    settings.OUTBOX_LEASE_SECONDS = 0.3
    record(1, 2)
    seal()
    original = memory_store.append

    async def slow(batch):
        await asyncio.sleep(1)
        await original(batch)

    monkeypatch.setattr(memory_store, "append", slow)
    with ThreadPoolExecutor(2) as workers:
        outcomes = [each.result() for each in [workers.submit(in_a_session, deliver_one) for _ in range(2)]]
    assert sorted(outcome.name for outcome, _ in outcomes) == ["DELIVERED", "NOTHING_DUE"]
    (batch,) = batches()
    assert (batch["state"], batch["attempts"]) == ("delivered", 1)


def test_a_lease_that_has_passed_to_somebody_else_ends_the_attempt_while_it_waits(memory_store, settings, monkeypatch):
    settings.OUTBOX_LEASE_SECONDS = 0.3
    record(1)
    seal()

    async def overtaken(_batch):
        await asyncio.sleep(60)

    monkeypatch.setattr(memory_store, "append", overtaken)
    with ThreadPoolExecutor(1) as workers:
        late = workers.submit(in_a_session, deliver_one)
        time.sleep(0.15)
        execute("UPDATE outbox_batch SET fence = fence + 1")
        assert late.result(timeout=10)[0] is Outcome.LEASE_LOST


def in_a_session(work):
    try:
        return work()
    finally:
        connection.close()
