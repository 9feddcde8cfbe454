"""After dump and restore or logical replication the stored cursor means nothing in the new cluster."""

from threading import Timer

import pytest

from outbox.sealing import seal, seal_all
from tests.integration.outbox.conftest import execute, fetch, record, sealed_numbers


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
    assert seal().events == 2
    record(5)
    assert seal().events == 1
    assert seal().events == 0
    assert sealed_numbers() == [[1, 2], [3, 4], [5]]


def test_nothing_is_repeated_when_the_transaction_ids_catch_up_with_the_old_ones(moved):
    record(1)
    seal()
    moved(ahead=20)
    assert seal().events == 0
    for number in range(2, 60):
        record(number)
    seal_all()
    assert sorted(number for batch in sealed_numbers() for number in batch) == list(range(1, 60))


def test_a_bounded_pass_does_not_get_stuck_among_rows_of_the_old_cluster(moved, settings):
    record(*range(1, 11))
    seal()
    moved(ahead=20)
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
    assert seal().events == 1
    assert seal().events == 0


def test_it_waits_for_open_writers_and_misses_none_of_them(moved, writer):
    record(1)
    seal()
    moved()
    slow = writer().record(2)
    timer = Timer(0.3, slow.commit)
    timer.start()
    assert seal().events == 1
    timer.join()
    record(3)
    seal()
    assert sealed_numbers() == [[1], [2], [3]]


def test_new_ids_begin_after_the_sealed_ones_when_the_sequence_was_left_behind(moved):
    record(1, 2, 3)
    seal()
    moved()
    execute("ALTER TABLE outbox_event ALTER COLUMN id RESTART WITH 1")
    seal()
    record(4)
    assert fetch("SELECT max(id) > (SELECT max(upper(ids)) - 1 FROM outbox_batch) AS later FROM outbox_event")[0][
        "later"
    ]
    seal()
    assert sealed_numbers() == [[1, 2, 3], [4]]
