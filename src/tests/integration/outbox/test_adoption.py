"""Batches that the store has and the ledger has lost are entered again, as far as their events are in no batch."""

import pytest

from outbox import query
from outbox.adoption import adopt
from outbox.cursor import cursor
from outbox.relay import deliver_due
from outbox.replay import replay
from outbox.sealing import seal_all
from outbox.verification import verify
from tests.integration.outbox.conftest import batches, execute, record


@pytest.fixture
def history_changes(memory_store):
    """Every later event is recorded and sealed in another history than what was so before."""

    def change() -> None:
        execute("UPDATE outbox_cursor SET timeline = 'lost'")

    return change


def in_order() -> bool:
    *_, found = verify(since=batches()[0]["sealed_at"])
    return found.in_order


def test_a_lost_batch_gets_its_name_and_its_events_back(history_changes, memory_store):
    record(1, 2, 3)
    seal_all()
    deliver_due(seconds=5)
    (lost,) = batches()
    execute("DELETE FROM outbox_batch")
    history_changes()
    seal_all()
    deliver_due(seconds=5)
    (adopted,) = batches()
    assert (adopted["batch_id"], adopted["ids"], adopted["checksum"]) == (
        lost["batch_id"],
        lost["ids"],
        lost["checksum"],
    )
    assert adopted["state"] == "delivered"
    assert in_order()


def test_a_batch_that_the_ledger_knows_is_left_alone(history_changes):
    record(1)
    seal_all()
    deliver_due(seconds=5)
    before = batches()
    history_changes()
    record(2)
    seal_all()
    assert batches()[0] == before[0]


def test_a_waiting_batch_asks_the_store_first_for_its_delivery_may_have_been_forgotten(history_changes, memory_store):
    record(1, 2)
    seal_all()
    deliver_due(seconds=5)
    memory_store._tokens.clear()  # the store remembers no token: only the question is left
    execute("UPDATE outbox_batch SET state = 'sealed', attempts = 0, delivered_at = NULL, checksum = NULL")
    history_changes()
    seal_all()
    deliver_due(seconds=5)
    assert [len(copies) for kept in memory_store._fingerprints.values() for copies in kept.values()] == [1, 1]
    assert in_order()


def test_events_that_are_in_a_batch_are_not_put_into_another(history_changes, memory_store):
    record(1, 2)
    seal_all()
    deliver_due(seconds=5)
    # The store has them under a second name as well, as after a failover that nobody guarded.
    (batch,) = batches()
    execute("UPDATE outbox_batch SET batch_id = gen_random_uuid()")
    record(3)
    history_changes()
    seal_all()
    assert batch["batch_id"] not in {each["batch_id"] for each in batches()}
    assert sum(each["events"] for each in batches()) == 3


def test_without_orphans_the_store_is_not_asked(history_changes, memory_store, monkeypatch):
    record(1)
    seal_all()

    async def must_not_be_asked(**_):
        raise AssertionError

    monkeypatch.setattr(memory_store, "batches", must_not_be_asked)
    history_changes()
    seal_all()
    assert not cursor()["adopt"]


def test_adopting_twice_changes_nothing(history_changes):
    record(1, 2)
    seal_all()
    deliver_due(seconds=5)
    execute("DELETE FROM outbox_batch")
    history_changes()
    seal_all()
    before = batches()
    query.changed("rebase")
    assert adopt()
    seal_all()
    assert batches() == before


def test_an_adopted_batch_can_be_replayed_like_any_other(history_changes):
    record(1, 2)
    seal_all()
    deliver_due(seconds=5)
    execute("DELETE FROM outbox_batch")
    history_changes()
    seal_all()
    deliver_due(seconds=5)
    assert replay([batches()[0]["batch_id"]]).events == 2
    deliver_due(seconds=5)
    assert in_order()
