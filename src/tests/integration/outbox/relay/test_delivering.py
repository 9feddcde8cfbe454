"""A batch is delivered and settled; nothing that goes wrong beside it stops that."""

import asyncio
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import TracerProvider

from core.observability.tracing.spans import opener
from events.fingerprint import checksum, fingerprints
from kit import span as spans
from outbox import event_store
from outbox.event_store import wait_for
from outbox.ledger import read_batch
from outbox.relay import Outcome, deliver_due, deliver_one
from outbox.sealing import seal
from tests.integration.outbox.conftest import batches, execute, record


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


def test_a_round_delivers_all_that_is_due(store, settings):
    settings.OUTBOX_BATCH_ROWS = 3
    record(*range(10))
    seal()
    assert deliver_due(seconds=10) == 10
    assert {batch["state"] for batch in batches()} == {"delivered"}


def test_a_round_ends_when_its_time_is_up(store, sealed):
    assert deliver_due(seconds=0) == 0
    assert not store.appended


def test_a_fault_of_ours_holds_up_one_batch_and_stands_in_the_ledger(store, sealed, settings):
    settings.OUTBOX_BACKOFF_BASE = settings.OUTBOX_BACKOFF_CAP = 1e6  # chance may make it short, but not that short
    record(5)
    seal()
    store.script = [("before", ZeroDivisionError("oops"))]
    assert deliver_due(seconds=10) == 1
    assert [batch["reason"] for batch in batches() if batch["state"] == "sealed"] == [
        "ZeroDivisionError, see the worker's log"
    ]


def test_a_batch_whose_events_were_deleted_by_hand_waits_and_says_so(store, sealed, settings):
    settings.OUTBOX_BACKOFF_BASE = settings.OUTBOX_BACKOFF_CAP = 1e6  # chance may make it short, but not that short
    execute("DELETE FROM outbox_event WHERE context LIKE '%%\"number\":2,%%'")
    record(5)
    seal()
    assert deliver_due(seconds=10) == 1
    assert "3 of the batch's 4" in batches()[0]["reason"]


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


def test_the_stores_loop_survives_from_call_to_call(memory_store):
    async def loop_id() -> int:
        return id(asyncio.get_running_loop())

    assert wait_for(loop_id()) == wait_for(loop_id())
    assert event_store.event_store() is memory_store
