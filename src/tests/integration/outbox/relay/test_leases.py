"""A worker works on a batch for as long as it holds its lease, and no longer."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from outbox import ledger, query, relay
from outbox.relay import Outcome, deliver_one
from outbox.sealing import seal
from tests.integration.outbox.conftest import batches, execute, record
from tests.integration.outbox.relay.conftest import make_due, stored_events


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
