"""What is pending, in doubt and set aside, and that asking never hurts the database."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from core import figures as cached
from core.figures import FiguresUnavailable
from outbox import figures as asked
from outbox import ledger
from outbox.figures import figures
from outbox.history import cursor
from outbox.relay import Outcome, deliver_one
from outbox.sealing import seal
from outbox.sql import statement
from outbox.status import status
from tests.integration.outbox.conftest import execute, in_another_session, record


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch):
    monkeypatch.setattr(cached, "_known", None)


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


def test_nothing_is_scanned_whole_however_large_the_ledger_and_the_outbox_are():
    execute(
        "INSERT INTO outbox_batch (state, ids, events, bytes, month, delivered_at, checksum)"
        " SELECT 'delivered', int8multirange(int8range(-n, -n + 1)), 1, 1, now(), now(), 0"
        " FROM generate_series(1, 5000) AS n"
    )
    record(*range(1000))
    seal()
    execute("UPDATE outbox_batch SET state = 'delivered', delivered_at = now(), checksum = 0 WHERE state = 'sealed'")
    execute("ANALYZE outbox_batch, outbox_event")
    sealed = cursor()
    parameters = {name: sealed[name] for name in ("since", "were_in_progress", "floor")}
    with transaction.atomic():
        asked._be_modest()
        with connection.cursor() as sql:
            sql.execute("EXPLAIN " + statement("figures"), {**parameters, "oldest_waiting": None, "most": 100_000})
            plan = "\n".join(line for (line,) in sql.fetchall())
            sql.execute("EXPLAIN " + statement("oldest_waiting"))
            plan += "\n".join(line for (line,) in sql.fetchall())
    assert "Seq Scan on outbox_" not in plan


@pytest.mark.parametrize("modest", [True, False], ids=["by the metrics", "by outbox status"])
def test_since_when_the_oldest_event_waits_is_one_look_however_many_batches_wait(modest):
    execute(
        "INSERT INTO outbox_batch (state, ids, events, bytes, month)"
        " SELECT 'sealed', int8multirange(int8range(n, n + 1)), 1, 1, now() FROM generate_series(1, 20000) AS n"
    )
    execute("ANALYZE outbox_batch")
    with transaction.atomic(), connection.cursor() as sql:
        if modest:
            asked._be_modest()
        sql.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement("oldest_waiting"))
        ((found,),) = sql.fetchall()
    read = [node for node in nodes(found[0]["Plan"]) if node.get("Relation Name") == "outbox_batch"]
    assert [(node["Index Name"], node["Actual Rows"]) for node in read] == [("outbox_batch_foremost", 100)]
    assert not any("Sort" in node["Node Type"] for node in nodes(found[0]["Plan"]))


def nodes(plan):
    """A plan's steps, from the outermost."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def test_it_can_write_nothing():
    with pytest.raises(Exception, match="read-only"), transaction.atomic():  # noqa: PT012 -- the block is the transaction
        asked._be_modest()
        execute("DELETE FROM outbox_batch")


def test_whoever_locks_the_ledger_costs_the_asker_a_second_and_nobody_else_anything(monkeypatch):
    monkeypatch.setattr(asked, "_PATIENCE", "100ms")
    record(1)
    with in_another_session() as session, session.transaction():
        session.execute("LOCK TABLE outbox_batch IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(OperationalError, match="timeout"):
            figures()
        with pytest.raises(FiguresUnavailable, match="timeout"):
            cached.current()
    assert cached.current().pending_events == 1


def test_a_question_that_hangs_is_not_asked_beside(monkeypatch):
    answered = threading.Event()
    asked: list[None] = []
    answer: Any = "the answer"

    def slow():
        asked.append(None)
        answered.wait(10)
        return answer

    monkeypatch.setattr(cached, "figures", slow)
    monkeypatch.setattr(cached, "_PATIENCE_SECONDS", 0.05)
    for _ in range(3):
        with pytest.raises(FiguresUnavailable):
            cached.current()
    answered.set()
    monkeypatch.setattr(cached, "_PATIENCE_SECONDS", 10)
    assert cached.current() is answer
    assert len(asked) == 1


def test_while_a_question_hangs_nobody_waits_for_those_who_wait_already(monkeypatch):
    met = threading.Barrier(5)

    class Hanging:
        def done(self) -> bool:
            return False

        def result(self, timeout: float) -> Any:
            met.wait(5)  # raises another error unless all five wait at the same time
            raise TimeoutError

    monkeypatch.setattr(cached, "_asked", Hanging())
    with ThreadPoolExecutor(5) as scrapers:
        told = [scrapers.submit(cached.current) for _ in range(5)]
        assert {type(each.exception(timeout=10)) for each in told} == {FiguresUnavailable}


def test_who_asks_again_at_once_is_told_what_was_found_just_now(monkeypatch):
    record(1)
    assert cached.current().pending_events == 1
    record(2)
    assert cached.current().pending_events == 1
    monkeypatch.setattr(cached, "_FRESH_SECONDS", 0.0)
    assert cached.current().pending_events == 2


def test_no_connection_is_left_open():
    with in_another_session() as session:
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        (before,) = session.execute(count).fetchone()
        cached.current()
        deadline = time.monotonic() + 10
        while (after := session.execute(count).fetchone()[0]) > before:
            assert time.monotonic() < deadline, (before, after)
            time.sleep(0.02)
