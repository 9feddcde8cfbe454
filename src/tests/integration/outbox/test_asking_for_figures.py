"""Whoever asks for the outbox's figures, however often and in whatever trouble, costs little and waits for nobody."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from core import figures as cached
from core.figures import FiguresUnavailable
from outbox import figures as asked
from outbox.figures import figures
from outbox.history import cursor
from outbox.sealing import seal
from outbox.sql import statement
from tests.integration.outbox.conftest import execute, in_another_session, record


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch):
    monkeypatch.setattr(cached, "_known", None)


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
