"""A turn does what there is to do, and costs one look when there is nothing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.store import StoreUnavailable
from outbox import relay
from outbox import turn as turning
from outbox.sql import statement
from outbox.turn import turn
from tests.integration.outbox.conftest import batches, execute, fetch, record


def states() -> list[str]:
    return [batch["state"] for batch in batches()]


def test_what_is_committed_is_sealed_and_delivered_in_one_turn(memory_store):
    record(1, 2, 3)
    turn(seconds=5)
    assert states() == ["delivered"]


def test_an_idle_turn_is_one_query(memory_store):
    record(1)
    turn(seconds=5)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        turn(seconds=5)
    assert len(queries) == 1


def test_a_transaction_that_was_open_during_the_last_turn_is_not_missed(memory_store, writer):
    slow = writer().record(1)
    record(2)
    turn(seconds=5)
    turn(seconds=5)
    assert sum(batch["events"] for batch in batches()) == 1
    slow.commit()
    turn(seconds=5)
    assert states() == ["delivered", "delivered"]


def test_a_batch_that_waits_becomes_due_without_anything_new(memory_store):
    record(1)
    turn(seconds=5)
    execute("UPDATE outbox_batch SET state = 'sealed', replays = 1, due_at = now()")
    turn(seconds=5)
    assert states() == ["delivered"]


def test_what_hinders_sealing_does_not_hinder_delivering(memory_store, monkeypatch):
    record(1)
    turn(seconds=5)
    execute("UPDATE outbox_batch SET state = 'sealed', replays = 1, due_at = now()")
    record(2)

    def fails():
        raise RuntimeError("no sealing today")

    monkeypatch.setattr(turning, "seal", fails)
    with pytest.raises(RuntimeError, match="no sealing today"):
        turn(seconds=5)
    assert states() == ["delivered"]


def test_while_the_store_is_left_alone_nothing_is_sealed_so_that_few_large_batches_wait(memory_store):
    relay.breaker.trip(StoreUnavailable(reason="the test says so"))
    relay.breaker._open_until = float("inf")
    record(1)
    turn(seconds=5)
    record(2)
    turn(seconds=5)
    assert batches() == []
    relay.breaker.reset()
    turn(seconds=5)
    assert [batch["events"] for batch in batches()] == [2]


def test_the_look_reads_by_index_whatever_the_statistics_say(memory_store):
    """Statistics that take every row for a new one must not make it scan the outbox every second."""
    record(*range(20_000))
    execute("ANALYZE outbox_event")
    turn(seconds=5)
    plan = "\n".join(row["QUERY PLAN"] for row in fetch("EXPLAIN " + statement("work")))
    (today,) = (row["slot"] for row in fetch("SELECT DISTINCT slot FROM outbox_event"))
    looks = [line for line in plan.splitlines() if f"outbox_event_slot_{today} " in line]
    assert len(looks) == 2
    assert all("Scan using" in look and "txid" in look for look in looks), plan


def test_after_a_failover_the_store_is_asked_and_then_everything_goes_on(memory_store, settings):
    record(1, 2)
    turn(seconds=5)
    record(3)
    execute("UPDATE outbox_cursor SET timeline = 'lost'")
    turn(seconds=5)
    assert states() == ["delivered"]
    execute("UPDATE outbox_cursor SET adopt_at = now()")  # all that was under way has landed
    turn(seconds=5)
    turn(seconds=5)
    assert states() == ["delivered", "delivered"]
    assert sum(len(kept) for kept in memory_store._fingerprints.values()) == 3


def test_while_the_store_is_unavailable_the_asking_waits(memory_store, monkeypatch):
    async def unavailable(**_):
        raise StoreUnavailable(reason="the test says so")

    record(1)
    execute("UPDATE outbox_cursor SET timeline = 'lost'")
    turn(seconds=5)
    execute("UPDATE outbox_cursor SET adopt_at = now()")
    with monkeypatch.context() as patched:
        patched.setattr(memory_store, "batches_between", unavailable)
        turn(seconds=5)
    assert batches() == []
    relay.breaker.reset()
    execute("UPDATE outbox_cursor SET adopt_at = now()")
    turn(seconds=5)
    turn(seconds=5)
    assert states() == ["delivered"]
