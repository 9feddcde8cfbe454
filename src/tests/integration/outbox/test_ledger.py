from datetime import UTC, datetime, timedelta

import pytest

from outbox import ledger
from outbox.ledger import EventsMissing, LeaseLost
from outbox.sealing import seal
from outbox.sql import statement
from tests.integration.outbox.conftest import batches, execute, fetch, in_another_session, record, sealed_numbers


@pytest.fixture
def sealed():
    record(1, 2, 3, 4, 5)
    seal()


def let_lease_run_out() -> None:
    execute("UPDATE outbox_batch SET due_at = now() - interval '1 second' WHERE state = 'sealed'")


def test_there_is_nothing_to_lease_in_an_empty_ledger():
    assert ledger.lease(owner="a") is None


def test_a_leased_batch_is_nobody_elses(sealed):
    assert ledger.lease(owner="a") is not None
    assert ledger.lease(owner="b") is None


def test_a_batch_being_leased_by_another_session_is_passed_over(sealed):
    record(6)
    seal()
    with in_another_session() as session:
        session.execute("BEGIN")
        session.execute("SELECT FROM outbox_batch WHERE events = 5 FOR UPDATE")
        assert ledger.lease(owner="a").events == 1
        session.execute("ROLLBACK")


def test_a_lease_that_has_run_out_goes_to_the_next_with_a_higher_fence(sealed):
    first = ledger.lease(owner="a")
    let_lease_run_out()
    second = ledger.lease(owner="b")
    assert (second.batch_id, second.fence, second.attempts) == (first.batch_id, first.fence + 1, 2)


def test_a_late_worker_changes_nothing(sealed):
    late = ledger.lease(owner="late")
    let_lease_run_out()
    ledger.lease(owner="new")
    before = batches()
    for change in (
        lambda: ledger.settle(late, checksum=1),
        lambda: ledger.postpone(late, seconds=0, reason="late"),
        lambda: ledger.split(late, reason="late"),
        lambda: ledger.quarantine(late, reason="late"),
    ):
        with pytest.raises(LeaseLost):
            change()
    assert batches() == before


def test_a_settled_batch_stays_settled(sealed):
    lease = ledger.lease(owner="a")
    ledger.settle(lease, checksum=2**64 - 1)
    with pytest.raises(LeaseLost):
        ledger.postpone(lease, seconds=0, reason="again")
    (batch,) = batches()
    assert (batch["state"], int(batch["checksum"]), batch["owner"]) == ("delivered", 2**64 - 1, None)
    assert batch["delivered_at"] is not None


def test_a_postponed_batch_waits(sealed):
    ledger.postpone(ledger.lease(owner="a"), seconds=3600, reason="the store is away")
    assert ledger.lease(owner="a") is None
    (batch,) = batches()
    assert (batch["state"], batch["reason"], batch["attempts"]) == ("sealed", "the store is away", 1)


def test_the_batch_that_is_due_longest_comes_first(sealed):
    record(6)
    seal()
    assert [ledger.lease(owner="a").events, ledger.lease(owner="a").events] == [5, 1]


def test_a_batch_is_read_in_its_order_with_all_its_columns(sealed):
    batch = ledger.read(ledger.lease(owner="a"))
    assert batch.token == str(batch.batch_id)
    assert [context.split(",")[0] for context in batch.events.context] == [f'{{"number":{n}' for n in range(1, 6)]
    (first, *_) = fetch("SELECT *, extract(epoch FROM occurred_at) * 1000000 AS us FROM outbox_event ORDER BY id")
    assert batch.events.event_id[0] == str(first["event_id"])
    assert batch.events.occurred_us[0] == int(first["us"])
    assert (batch.events.trace_id[0], batch.events.span_id[0]) == ("", "")


def test_the_trace_context_is_read_as_its_ids(sealed):
    execute("UPDATE outbox_event SET trace_context = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'")
    events = ledger.read(ledger.lease(owner="a")).events
    assert set(events.trace_id) == {"0af7651916cd43dd8448eb211c80319c"}
    assert set(events.span_id) == {"b7ad6b7169203331"}


@pytest.mark.parametrize("year", [1900, 1969, 1970, 1999, 2000, 2042, 2299])
def test_times_are_read_to_the_microsecond(year):
    record(1, 2)
    moments = [datetime(year, 1, 1, 0, 0, 0, 1, UTC), datetime(year, 1, 31, 23, 59, 59, 999_999, UTC)]
    for number, moment in enumerate(moments, start=1):
        execute("UPDATE outbox_event SET occurred_at = %s WHERE context LIKE %s", moment, f'%"number":{number},%')
    execute("SET timezone = 'Asia/Tokyo'")
    seal()
    read = ledger.read(ledger.lease(owner="a")).events.occurred_us
    execute("RESET timezone")
    assert [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us) for us in read] == moments


def test_reading_says_when_events_were_taken_from_the_outbox_by_hand(sealed):
    execute("DELETE FROM outbox_event WHERE id = (SELECT min(id) FROM outbox_event)")
    with pytest.raises(EventsMissing, match="has 4 of the batch's 5"):
        ledger.read(ledger.lease(owner="a"))


def test_a_split_batch_becomes_its_two_halves(sealed):
    parent = ledger.lease(owner="a")
    ledger.split(parent, reason="refused")
    assert [numbers for numbers in sealed_numbers() if len(numbers) < 5] == [[1, 2], [3, 4, 5]]
    halves = [batch for batch in batches() if batch["parent_id"] == parent.batch_id]
    assert [half["events"] for half in halves] == [2, 3]
    assert sum(half["bytes"] for half in halves) == parent.bytes
    assert [batch["state"] for batch in batches() if batch["batch_id"] == parent.batch_id] == ["split"]
    assert ledger.lease(owner="a").batch_id in {half["batch_id"] for half in halves}


def test_only_a_single_event_goes_into_quarantine(sealed):
    with pytest.raises(LeaseLost):
        ledger.quarantine(ledger.lease(owner="a"), reason="refused")


def test_a_batch_is_read_back_by_id_wherever_its_rows_lie(sealed):
    first, second, third, fourth, fifth = [row["id"] for row in fetch("SELECT id FROM outbox_event ORDER BY id")]
    execute("UPDATE outbox_event SET environment = 'moved behind the others' WHERE id IN (%s, %s)", first, fourth)
    assert [row["id"] for row in fetch("SELECT id FROM outbox_event")] == [second, third, fifth, first, fourth]
    events = ledger.read_batch(batches()[0]["batch_id"]).events
    recorded = fetch("SELECT event_id, environment FROM outbox_event ORDER BY id")
    assert list(events.event_id) == [str(row["event_id"]) for row in recorded]
    assert list(events.environment) == [row["environment"] for row in recorded]


def test_a_batch_is_read_back_by_index_whatever_the_size_of_the_outbox():
    record(*range(10_000))
    seal()
    for n in range(0, 500, 5):
        record(n)
    seal()
    execute("DELETE FROM outbox_event WHERE id % 10 = 3")
    execute("ANALYZE outbox_event")
    explained = fetch(
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "
        + statement("read_batch").replace("%(batch_id)s", "%s"),
        batches()[-1]["batch_id"],
    )
    plan = "\n".join(line["QUERY PLAN"] for line in explained)
    (slot,) = fetch("SELECT DISTINCT tableoid::regclass::text AS name FROM outbox_event")
    assert f"Seq Scan on {slot['name']}" not in plan
    assert f"{slot['name']}_pkey" in plan
    assert "id >= lower(run.run)" in plan
    assert "rows=10000" not in plan
