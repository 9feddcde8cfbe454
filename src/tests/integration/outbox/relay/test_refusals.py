"""Data that the store refuses is split until what is refused stands alone."""

from events.store import StoreRefused
from outbox.event_store import wait_for
from outbox.ledger import read_batch
from outbox.relay import Outcome, deliver_due, deliver_one
from tests.integration.outbox.conftest import batches, execute, fetch
from tests.integration.outbox.relay.conftest import stored_events


def test_refused_data_is_split_until_the_refused_event_stands_alone(store, sealed):
    store.poison = {'{"number":3,"text":""}'}
    deliver_due(seconds=10)

    found = fetch("SELECT state, sum(events)::int AS events FROM outbox_batch WHERE state <> 'split' GROUP BY state")
    by_state = {row["state"]: row["events"] for row in found}
    assert by_state == {"delivered": 3, "quarantined": 1}
    (quarantined,) = [batch for batch in batches() if batch["state"] == "quarantined"]
    assert "poison" in quarantined["reason"]
    assert list(read_batch(quarantined["batch_id"]).events.context) == list(store.poison)
    assert stored_events(store) == 3


def test_a_batch_that_the_store_took_in_spite_of_refusing_it_is_not_split(store, sealed):
    store.script = [("after", StoreRefused(reason="a view behind the table threw"))]
    assert deliver_one() == (Outcome.DELIVERED, 4)
    assert stored_events(store) == 4


def test_a_remainder_that_is_refused_waits_because_splitting_would_repeat_the_rest(store, sealed):
    (batch,) = batches()
    whole = read_batch(batch["batch_id"])
    wait_for(store.append(whole.without(set(whole.events.event_id[:1]))))
    execute("UPDATE outbox_batch SET attempts = 1")
    store.poison = {whole.events.context[0]}
    assert deliver_one() == (Outcome.SET_BACK, 0)
    (batch,) = batches()
    assert batch["state"] == "sealed"
    assert "3 of the batch's 4 events and refuses the others" in batch["reason"]
    assert stored_events(store) == 3
