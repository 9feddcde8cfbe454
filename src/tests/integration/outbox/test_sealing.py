from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from outbox import history, sealing
from outbox.history import IsolationTooStrict
from outbox.sealing import cut, seal, seal_all, sweep
from outbox.sql import statement
from tests.integration.outbox.conftest import batches, execute, fetch, in_another_session, record, sealed_numbers


def test_committed_events_are_sealed_once():
    record(1, 2, 3)
    assert seal().events == 3
    assert seal().events == 0
    assert sealed_numbers() == [[1, 2, 3]]


def test_an_idle_pass_makes_no_batch_and_writes_nothing():
    before = fetch("SELECT xmin, snapshot::text FROM outbox_cursor")
    sealing = seal()
    assert (sealing.batches, sealing.events, sealing.more) == (0, 0, False)
    assert fetch("SELECT xmin, snapshot::text FROM outbox_cursor") == before


def test_a_transaction_that_is_slow_to_commit_is_not_missed_and_delays_nobody(writer):
    slow = writer().record(1)
    record(2)
    assert seal().events == 1
    record(3)
    assert seal().events == 1
    slow.commit()
    assert seal().events == 1
    assert seal().events == 0
    assert sealed_numbers() == [[2], [3], [1]]


def test_a_transaction_that_had_no_id_yet_is_not_missed(writer):
    late = writer().execute("SELECT 1")
    record(1)
    seal()
    late.record(2).commit()
    seal()
    assert sealed_numbers() == [[1], [2]]


def test_rolled_back_events_leave_holes_and_nothing_else(writer):
    record(1)
    writer().record(2).rollback()
    record(3)
    assert seal().events == 2
    assert sealed_numbers() == [[1, 3]]
    (batch,) = batches()
    assert len(list(batch["ids"])) == 2


def test_a_two_phase_transaction_is_sealed_when_it_is_committed(writer):
    writer().record(1).prepare("two-phase")
    record(2)
    seal()
    assert sealed_numbers() == [[2]]
    with in_another_session() as session:
        session.execute("COMMIT PREPARED 'two-phase'")
    seal()
    assert sealed_numbers() == [[2], [1]]


def test_savepoints_belong_to_their_transaction(writer):
    nested = writer().record(1).execute("SAVEPOINT a").record(2).execute("ROLLBACK TO a").record(3)
    record(4)
    seal()
    nested.commit()
    seal()
    assert sealed_numbers() == [[4], [1, 3]]


def test_batches_are_cut_by_rows(settings):
    settings.OUTBOX_BATCH_ROWS = 4
    record(*range(10))
    seal()
    assert sealed_numbers() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [batch["events"] for batch in batches()] == [4, 4, 2]


def test_batches_are_cut_by_bytes(settings):
    settings.OUTBOX_BATCH_ROWS = 10
    settings.OUTBOX_BATCH_BYTES = 1_000
    record(*range(6), text="x" * 400)
    seal()
    assert sealed_numbers() == [[0, 1, 2], [3, 4], [5]]
    assert [batch["bytes"] for batch in batches()] == [3 * 422, 2 * 422, 422]


def test_batches_are_cut_by_month_in_utc():
    record(1, 2, 3)
    execute("SET timezone = 'Asia/Tokyo'")
    moments = [datetime(2026, 1, 31, 23, 59, 59, 999_999, UTC), datetime(2026, 2, 1, tzinfo=UTC), None]
    for number, moment in enumerate(moments, start=1):
        if moment:
            execute("UPDATE outbox_event SET occurred_at = %s WHERE context LIKE %s", moment, f'%"number":{number},%')
    seal()
    execute("RESET timezone")
    assert sealed_numbers() == [[1], [2], [3]]
    assert [str(batch["month"]) for batch in batches()][:2] == ["2026-01-01", "2026-02-01"]


def test_every_event_is_in_one_batch_and_none_is_over_its_limits_whatever_lies_between():
    """At the default limits neighbours are taken together: so with holes, months and heavy events among them."""
    record(*range(24_000))
    record(*range(40), text="x" * 300_000)
    record(*range(2_000), text="x" * 5_000)
    record(*range(1_000), text="x" * 15_000)
    execute("DELETE FROM outbox_event WHERE id % 7 = 0 OR id % 1000 < 40")
    execute("UPDATE outbox_event SET occurred_at = '2026-01-31T23:59:59Z' WHERE id % 11 = 0")
    execute("UPDATE outbox_event SET occurred_at = '2026-02-01T00:00:00Z' WHERE id % 13 = 0")
    seal()
    (total,) = fetch("SELECT count(*) AS events, sum(octet_length(context)) AS bytes FROM outbox_event")
    counted = fetch(
        """
        SELECT b.batch_id, b.events, b.bytes, count(*) AS found, sum(octet_length(e.context)) AS weighs,
            bool_and(date_trunc('month', e.occurred_at AT TIME ZONE 'UTC')::date = b.month) AS of_its_month,
            (SELECT sum(upper(run) - lower(run)) FROM unnest(b.ids) AS run) AS ids
        FROM outbox_batch b JOIN outbox_event e ON e.id <@ b.ids GROUP BY b.batch_id
        """
    )
    assert [sum(batch[name] for batch in counted) for name in ("found", "weighs")] == [*total.values()]
    assert all(batch["events"] == batch["found"] == batch["ids"] <= 10_000 for batch in counted)
    assert all(batch["bytes"] == batch["weighs"] < 8 * 2**20 * 1.05 + 300_100 for batch in counted)
    assert all(batch["of_its_month"] for batch in counted)


@pytest.mark.parametrize("rows", [1, 199, 200, 1_000, 10_000, 1_000_000])
def test_batches_are_nearly_full_and_never_have_more_events_than_they_may(rows, settings):
    settings.OUTBOX_BATCH_ROWS = rows
    record(*range(min(2 * rows + 3, 25_000)))
    seal()
    *full, rest = sorted((batch["events"] for batch in batches()), reverse=True)
    assert rest <= rows
    assert all(0.99 * rows <= events <= rows for events in full)


def test_interleaved_transactions_are_sealed_without_overlap(writer):
    one, two = writer(), writer()
    for number in range(0, 20, 2):
        one.record(number)
        two.record(number + 1)
    one.commit()
    seal()
    two.commit()
    seal()
    assert sealed_numbers() == [list(range(0, 20, 2)), list(range(1, 20, 2))]
    assert not fetch("SELECT FROM outbox_batch a JOIN outbox_batch b ON a.batch_id < b.batch_id AND a.ids && b.ids")


def test_a_pass_stops_at_a_transactions_boundary(settings):
    settings.OUTBOX_SEAL_LIMIT = 5
    record(1, 2, 3)
    record(4, 5, 6)
    record(7)
    first = seal()
    assert (first.events, first.more) == (3, True)
    second = seal()
    assert (second.events, second.more) == (4, False)
    assert sealed_numbers() == [[1, 2, 3], [4, 5, 6, 7]]


def test_a_transaction_larger_than_the_limit_is_sealed_whole(settings):
    settings.OUTBOX_SEAL_LIMIT = 2
    record(1, 2, 3, 4, 5)
    record(6)
    assert seal().events == 5
    assert seal().events == 1
    assert seal().events == 0


def test_transactions_left_open_on_both_sides_of_a_bounded_pass_are_not_missed(settings, writer):
    settings.OUTBOX_SEAL_LIMIT = 2
    before = writer().record(1)
    record(2, 3)
    between = writer().record(4)
    record(5, 6)
    after = writer().record(7)
    record(8)
    assert seal().more
    after.commit()
    before.commit()
    seal()
    between.commit()
    seal_all()
    assert sorted(number for batch in sealed_numbers() for number in batch) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len(fetch("SELECT event_id FROM outbox_event e JOIN outbox_batch b ON e.id <@ b.ids")) == 8


def test_everything_is_sealed_in_as_many_passes_as_it_takes(settings):
    settings.OUTBOX_SEAL_LIMIT = 10
    for start in range(0, 60, 3):
        record(start, start + 1, start + 2)
    assert seal_all().events == 60
    assert sorted(number for batch in sealed_numbers() for number in batch) == list(range(60))


def test_only_one_seals_at_a_time():
    record(1)
    with in_another_session() as session:
        session.execute("BEGIN")
        session.execute("SELECT pg_advisory_xact_lock(%s)", (int.from_bytes(b"outbox", "big"),))
        assert seal() is None
        session.execute("ROLLBACK")
    assert seal().events == 1


def test_sealing_refuses_an_isolation_level_that_would_lose_events():
    execute("SET default_transaction_isolation = 'repeatable read'")
    try:
        with pytest.raises(IsolationTooStrict, match="READ COMMITTED"):
            seal()
    finally:
        execute("RESET default_transaction_isolation")


def test_sealing_refuses_to_be_part_of_another_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError):
        seal()


def test_an_event_of_16_mib_is_sealed(settings):
    settings.OUTBOX_MAX_EVENT_BYTES = 17 * 2**20
    record(1)
    record(2, text="x" * 16 * 2**20)
    record(3)
    seal()
    assert sorted(len(numbers) for numbers in sealed_numbers()) == [1, 2]


def test_the_sealing_statement_reads_by_index_whatever_the_statistics_say():
    """Statistics that know nothing of the newest events must not make it scan the outbox."""
    record(*range(20_000))
    execute("ANALYZE outbox_event")
    seal_all()
    record(*range(10))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement("lock_sealer"), {"key": 1})
        cursor.execute(statement("cursor"))
        since, were_in_progress, floor, sweep, adopted, *_ = cursor.fetchone()
        cursor.execute(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " + statement("seal"),
            {
                "since": since, "were_in_progress": were_in_progress, "floor": floor, "sweep": sweep,
                "adopted": adopted,
                "limit": 1_000_000, **cut(rows=10_000, payload=8 * 2**20),
            },
        )  # fmt: skip
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan on outbox_event" not in plan
    assert "outbox_event_slot_0_txid_idx" in plan
    assert "_pkey" not in plan


def test_an_event_that_was_written_behind_the_sealers_back_is_swept_up_when_asked(writer):
    """Such as a row that a replication wrote with another cluster's transaction id."""
    record(1)
    seal()
    record(2)
    execute("UPDATE outbox_event SET txid = '3' WHERE context LIKE '%%2%%'")
    assert seal().events == 0
    sweep()
    open_elsewhere = writer().record(3)
    record(4)
    assert seal().events == 2
    assert seal().events == 0
    open_elsewhere.commit()
    assert seal().events == 1
    assert sealed_numbers() == [[1], [2, 4], [3]]


def test_a_sweep_is_bounded_and_goes_on_until_it_is_through(settings):
    record(*range(10))
    execute("UPDATE outbox_event SET txid = '3'")
    settings.OUTBOX_SEAL_LIMIT = 4
    sweep()
    assert [(sealing.events, sealing.more) for sealing in (seal(), seal(), seal())] == [
        (4, True),
        (4, True),
        (2, False),
    ]
    assert seal().events == 0
    assert sorted(number for batch in sealed_numbers() for number in batch) == list(range(10))


def test_sealing_is_durable_even_if_the_role_has_given_that_up():
    execute("SET synchronous_commit = off")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement("lock_sealer"), {"key": 1})
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)
    execute("RESET synchronous_commit")


def test_a_sweep_that_is_asked_for_during_a_pass_is_not_forgotten(monkeypatch):
    original = history.cursor

    def asked_for_in_between():
        cursor = original()
        with in_another_session() as session:
            session.execute("UPDATE outbox_cursor SET sweep = true")
        return cursor

    monkeypatch.setattr(sealing, "cursor", asked_for_in_between)
    record(1)
    assert seal().events == 1
    monkeypatch.undo()
    assert fetch("SELECT sweep FROM outbox_cursor") == [{"sweep": True}]
    assert seal().events == 0
    assert fetch("SELECT sweep FROM outbox_cursor") == [{"sweep": False}]
