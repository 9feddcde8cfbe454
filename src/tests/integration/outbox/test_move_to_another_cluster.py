"""After dump and restore or logical replication the stored cursor means nothing in the new cluster."""

import time

import pytest

from outbox import sealing
from outbox.adoption import adopt
from outbox.rebasing import Rebasing
from outbox.sealing import seal, seal_all
from outbox.status import status
from tests.integration.outbox.conftest import INSERT, execute, fetch, in_another_session, record, sealed_numbers


@pytest.fixture(autouse=True)
def rebasing(monkeypatch, memory_store, settings) -> Rebasing:
    """With patience of its own. The store is empty: there is nothing to adopt."""
    settings.OUTBOX_LEASE_SECONDS = 0
    fresh = Rebasing()
    monkeypatch.setattr(sealing, "rebasing", fresh)
    return fresh


def noticed() -> None:
    """The change of history has been noticed, and the store been asked."""
    assert seal() is None
    assert adopt() is not None


@pytest.fixture
def moved():
    """Pretend that what has been written and sealed so far came from a cluster far ahead in its transaction ids."""

    def move(*, ahead: int = 1_000_000) -> None:
        execute("UPDATE outbox_event SET txid = (txid::text::bigint + %s)::text::xid8", ahead)
        execute(
            "UPDATE outbox_cursor SET cluster = cluster - 1, snapshot = (SELECT format('%%s:%%s:', x, x) FROM "
            "(SELECT pg_snapshot_xmax(snapshot)::text::bigint + %s AS x) AS ahead)::pg_snapshot",
            ahead,
        )

    return move


def test_events_of_both_clusters_are_sealed_once(moved):
    record(1, 2)
    seal()
    record(3)
    moved()
    record(4)
    noticed()
    assert seal().events == 2
    record(5)
    assert seal().events == 1
    assert seal().events == 0
    assert sealed_numbers() == [[1, 2], [3, 4], [5]]


def test_nothing_is_repeated_when_the_transaction_ids_catch_up_with_the_old_ones(moved):
    record(1)
    seal()
    moved(ahead=20)
    noticed()
    assert seal().events == 0
    for number in range(2, 60):
        record(number)
    seal_all()
    assert sorted(number for batch in sealed_numbers() for number in batch) == list(range(1, 60))


def test_a_bounded_pass_does_not_get_stuck_among_rows_of_the_old_cluster(moved, settings):
    record(*range(1, 11))
    seal()
    moved(ahead=20)
    noticed()
    assert seal().events == 0
    settings.OUTBOX_SEAL_LIMIT = 3
    for number in range(11, 60):
        record(number)
        seal()
    while seal().more:
        pass
    assert sorted(number for batch in sealed_numbers() for number in batch) == list(range(1, 60))


def test_a_cursor_ahead_of_the_cluster_is_noticed_even_under_the_same_identifier(moved):
    record(1)
    moved()
    execute("UPDATE outbox_cursor SET cluster = cluster + 1")
    noticed()
    assert seal().events == 1
    assert seal().events == 0


def test_an_open_writer_is_not_waited_for_and_holds_up_no_other(moved, writer, rebasing):
    record(1)
    seal()
    moved()
    noticed()
    slow = writer().record(2)
    assert seal() is None
    started = time.monotonic()
    record(3)
    assert seal() is None
    assert time.monotonic() - started < 1
    slow.commit()
    assert status().pending_events == 3, "what waits for the re-basing is pending"
    rebasing._again_at = 0.0
    assert seal().events == 2
    record(4)
    seal()
    assert sealed_numbers() == [[1], [2, 3], [4]]


def test_writers_are_free_again_before_anything_is_sealed(moved, monkeypatch):
    record(1)
    moved()
    noticed()
    original = sealing._seal

    def seal_while_somebody_writes(cursor):
        with in_another_session() as session:
            session.execute("SET lock_timeout = '1s'")
            session.execute(INSERT, ([2],))
        return original(cursor)

    monkeypatch.setattr(sealing, "_seal", seal_while_somebody_writes)
    assert seal().events >= 1
    monkeypatch.undo()
    seal_all()
    assert sorted(number for batch in sealed_numbers() for number in batch) == [1, 2]


def test_new_ids_begin_after_the_sealed_ones_when_the_sequence_was_left_behind(moved):
    record(1, 2, 3)
    seal()
    moved()
    noticed()
    execute("ALTER TABLE outbox_event ALTER COLUMN id RESTART WITH 1")
    seal()
    record(4)
    assert fetch("SELECT max(id) > (SELECT max(upper(ids)) - 1 FROM outbox_batch) AS later FROM outbox_event")[0][
        "later"
    ]
    seal()
    assert sealed_numbers() == [[1, 2, 3], [4]]


def test_it_is_patient_enough_in_the_end_for_writers_who_never_pause(moved, rebasing, writer):
    record(1)
    seal()
    moved()
    noticed()
    patience = []
    for _ in range(6):
        slow = writer().record(2)
        patience.append(rebasing._patience)
        rebasing._again_at = 0.0
        started = time.monotonic()
        if rebasing._patience < 1:
            assert seal() is None
            assert time.monotonic() - started < rebasing._patience + 1
        slow.rollback()
    assert patience == sorted(patience)
    rebasing._again_at = 0.0
    assert seal() is not None
