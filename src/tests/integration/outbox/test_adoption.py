"""After a failover, batches that the store has and the ledger has lost are entered again before anything is sealed."""

import pytest
from django.db import transaction

from events.store import StoreUnavailable
from outbox import adoption, ledger
from outbox.adoption import adopt
from outbox.event_store import wait_for
from outbox.history import cursor, suspect
from outbox.relay import deliver_due
from outbox.replay import replay
from outbox.sealing import seal, seal_all
from outbox.status import status
from outbox.verification import verify
from tests.integration.outbox.conftest import batches, execute, fetch, outbox, record

LOSE_THE_LEDGER = "DELETE FROM outbox_batch"
# What the lost primary sealed is new to the snapshot that survives.
REWIND = """
    UPDATE outbox_cursor SET snapshot = (SELECT (min(txid) || ':' || min(txid) || ':')::pg_snapshot FROM outbox_event)
"""
CHANGE_TIMELINE = "UPDATE outbox_cursor SET timeline = 'lost'"


@pytest.fixture(autouse=True)
def _nothing_is_under_way(settings, memory_store):
    """No INSERT of the lost primary's workers has to be waited for."""
    settings.OUTBOX_LEASE_SECONDS = 0


def deliver(*numbers: int) -> dict:
    record(*numbers)
    seal_all()
    deliver_due(seconds=5)
    return batches()[-1]


def fail_over() -> None:
    """The new primary lacks the ledger's end, and has noticed."""
    execute(LOSE_THE_LEDGER)
    execute(REWIND)
    execute(CHANGE_TIMELINE)
    assert seal() is None


def go_on(settings) -> None:
    assert adopt() is not None
    settings.OUTBOX_LEASE_SECONDS = 60
    seal_all()
    deliver_due(seconds=5)


def in_order() -> bool:
    *_, found = verify(since=batches()[0]["sealed_at"])
    return found.in_order


def copies(memory_store) -> list[int]:
    """How often each event is in the store, under whatever batch."""
    counts: dict = {}
    for kept in memory_store._fingerprints.values():
        for event_id, each in kept.items():
            counts[event_id] = counts.get(event_id, 0) + len(each)
    return list(counts.values())


@pytest.fixture
def delivered(settings):
    settings.OUTBOX_LEASE_SECONDS = 60
    lost = deliver(1, 2, 3)
    settings.OUTBOX_LEASE_SECONDS = 0
    return lost


def test_a_lost_batch_gets_its_name_and_its_events_back(delivered, settings, memory_store):
    fail_over()
    go_on(settings)
    (adopted,) = batches()
    for column in ("batch_id", "ids", "events", "bytes", "month", "checksum", "state"):
        assert adopted[column] == delivered[column]
    assert in_order()
    assert copies(memory_store) == [1, 1, 1]


def test_what_nobody_had_sealed_is_sealed_afterwards_without_what_was_adopted(delivered, settings, memory_store):
    record(4, 5)
    fail_over()
    record(6)
    go_on(settings)
    assert sorted(batch["events"] for batch in batches()) == [3, 3]
    assert cursor()["adopted"] == "{}"
    assert in_order()
    assert copies(memory_store) == [1] * 6


def test_a_bounded_pass_does_not_forget_what_was_adopted(delivered, settings, memory_store):
    for number in range(4, 10):
        record(number)
    fail_over()
    settings.OUTBOX_SEAL_LIMIT = 2
    go_on(settings)
    assert sum(batch["events"] for batch in batches()) == 9
    assert in_order()
    assert copies(memory_store) == [1] * 9


def test_until_the_store_was_asked_nothing_is_sealed_or_leased_and_everything_is_pending(delivered, settings):
    record(4)
    seal_all()
    record(5)
    execute(CHANGE_TIMELINE)
    settings.OUTBOX_LEASE_SECONDS = 60
    assert ledger.lease(owner="test") is None, "before it was noticed"
    assert seal() is None
    assert ledger.lease(owner="test") is None, "while what is under way may still land"
    assert adopt() is None
    found = status()
    assert found.has_moved
    assert found.pending_events == 2
    assert outbox("deliver")[0] == 4


def test_an_insert_that_lands_after_the_failover_is_not_repeated(settings, memory_store):
    settings.OUTBOX_LEASE_SECONDS = 60
    record(1, 2)
    seal_all()
    late = ledger.read(ledger.lease(owner="of the lost primary"))
    settings.OUTBOX_LEASE_SECONDS = 0
    fail_over()
    wait_for(memory_store.append(late))
    go_on(settings)
    assert [batch["batch_id"] for batch in batches()] == [late.batch_id]
    assert copies(memory_store) == [1, 1]


def test_a_batch_that_was_split_in_the_lost_stretch_leaves_its_delivered_half_alone(settings, memory_store):
    settings.OUTBOX_LEASE_SECONDS = 60
    record(1, 2, 3, 4)
    seal_all()
    before = fetch("SELECT * FROM outbox_batch")[0]
    ledger.split(ledger.lease(owner="of the lost primary"), reason="refused")
    half = ledger.lease(owner="of the lost primary")
    wait_for(memory_store.append(ledger.read(half)))
    settings.OUTBOX_LEASE_SECONDS = 0
    # The new primary knows the parent only, as it waits.
    execute("DELETE FROM outbox_batch WHERE parent_id IS NOT NULL")
    execute("UPDATE outbox_batch SET state = 'sealed', attempts = 0, reason = NULL, due_at = now()")
    execute(CHANGE_TIMELINE)
    assert seal() is None
    go_on(settings)
    by_id = {batch["batch_id"]: batch for batch in batches()}
    assert by_id[before["batch_id"]]["state"] == "split"
    assert (by_id[half.batch_id]["state"], by_id[half.batch_id]["events"]) == ("delivered", 2)
    assert [batch["events"] for batch in batches() if batch["state"] == "delivered"] == [2, 2]
    assert sum(batch["bytes"] for batch in batches() if batch["state"] == "delivered") == before["bytes"]
    assert copies(memory_store) == [1] * 4
    assert in_order()


def test_a_waiting_batch_asks_the_store_first_for_its_delivery_may_have_been_forgotten(
    delivered, settings, memory_store
):
    memory_store._tokens.clear()  # the store remembers no token: only the question is left
    execute("UPDATE outbox_batch SET state = 'sealed', attempts = 0, delivered_at = NULL, checksum = NULL")
    execute("UPDATE outbox_batch SET due_at = now()")
    execute(CHANGE_TIMELINE)
    assert seal() is None
    go_on(settings)
    assert copies(memory_store) == [1] * 3
    assert in_order()


def test_without_orphans_the_store_is_not_asked(delivered, settings, memory_store, monkeypatch):
    async def must_not_be_asked(**_):
        raise AssertionError

    monkeypatch.setattr(memory_store, "batches_between", must_not_be_asked)
    execute(CHANGE_TIMELINE)
    assert seal() is None
    assert adopt().events == 0
    assert cursor()["adopting_since"] is None


def test_an_unavailable_store_is_asked_again_later(delivered, settings, memory_store, monkeypatch):
    async def unavailable(**_):
        raise StoreUnavailable(reason="the test says so")

    fail_over()
    with monkeypatch.context() as patched:
        patched.setattr(memory_store, "batches_between", unavailable)
        with pytest.raises(StoreUnavailable):
            adopt()
    assert adopt() is None, "not at once"
    execute("UPDATE outbox_cursor SET adopt_at = now()")
    go_on(settings)
    assert copies(memory_store) == [1] * 3


def test_who_asks_for_longer_than_the_claim_lasts_finishes_nothing(delivered, settings, memory_store, monkeypatch):
    """A second failover meanwhile is not taken for dealt with."""
    fail_over()
    entered = adoption._enter

    def enter_and_fail_over(*arguments, **options):
        found = entered(*arguments, **options)
        with transaction.atomic():
            suspect(grace=0)
        return found

    monkeypatch.setattr(adoption, "_enter", enter_and_fail_over)
    assert adopt() is None
    assert cursor()["adopting_since"] is not None
    monkeypatch.setattr(adoption, "_enter", entered)
    go_on(settings)
    assert copies(memory_store) == [1] * 3


def test_only_one_asks_at_a_time(delivered, settings):
    fail_over()
    settings.OUTBOX_LEASE_SECONDS = 60
    execute("UPDATE outbox_cursor SET adopt_at = now() + interval '60 s'")  # somebody has the claim
    assert adopt() is None


def test_an_adopted_batch_can_be_replayed_like_any_other(delivered, settings, memory_store):
    fail_over()
    go_on(settings)
    assert replay([delivered["batch_id"]]).events == 3
    deliver_due(seconds=5)
    assert in_order()
    assert copies(memory_store) == [1] * 3


def test_a_restore_that_leaves_no_trace_is_told_to_the_command(delivered, settings, memory_store):
    execute(LOSE_THE_LEDGER)
    execute(REWIND)
    settings.OUTBOX_LEASE_SECONDS = 60
    assert outbox("adopt") == (0, "adopted 3 events in 1 batch\n")
    assert outbox("deliver")[0] == 0
    assert in_order()
    assert copies(memory_store) == [1] * 3
