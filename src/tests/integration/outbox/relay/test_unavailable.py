"""While the store is away batches wait, for as long as it takes; nothing is sent twice when it is back."""

import pytest

from events.store import StoreMisconfigured, StoreUnavailable
from outbox import breaker, relay
from outbox.breaker import backoff
from outbox.event_store import wait_for
from outbox.ledger import read_batch
from outbox.relay import Outcome, deliver_due, deliver_one
from outbox.sealing import seal
from tests.integration.outbox.conftest import batches, execute, record
from tests.integration.outbox.relay.conftest import make_due, stored_events


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_unavailable_store_postpones_the_batch_and_the_next_attempt_leaves_it_once(store, sealed, when):
    store.script = [(when, StoreUnavailable(reason="gone"))]
    assert deliver_one() == (Outcome.UNAVAILABLE, 0)
    (batch,) = batches()
    assert batch["state"] == "sealed"
    assert "gone" in batch["reason"]

    make_due()
    assert deliver_one() == (Outcome.DELIVERED, 4)
    assert stored_events(store) == 4
    assert store.asked == [batch["batch_id"]]
    assert len(store.appended) == (2 if when == "before" else 1)


def test_only_what_is_missing_is_sent_again(store, sealed):
    (batch,) = batches()
    whole = read_batch(batch["batch_id"])
    wait_for(store.append(whole.without(set(whole.events.event_id[:3]))))
    execute("UPDATE outbox_batch SET attempts = 1")
    store.appended.clear()

    assert deliver_one() == (Outcome.DELIVERED, 4)
    assert [list(sent.events.event_id) for sent in store.appended] == [list(whole.events.event_id[:3])]
    assert stored_events(store) == 4


def test_attempts_go_on_for_ever(store, sealed):
    execute("UPDATE outbox_batch SET attempts = 1000000")
    store.script = [("before", StoreUnavailable(reason="gone"))]
    assert deliver_one()[0] is Outcome.UNAVAILABLE
    make_due()
    assert deliver_one()[0] is Outcome.DELIVERED


def test_one_unavailable_answer_ends_the_round(store, sealed):
    record(5)
    seal()
    store.script = [("before", StoreUnavailable(reason="gone"))] * 2
    assert deliver_due(seconds=10) == 0
    assert len(store.appended) == 1


def test_after_an_unavailable_answer_the_store_is_left_alone_for_a_while(store, sealed, settings):
    settings.OUTBOX_BACKOFF_BASE = settings.OUTBOX_BACKOFF_CAP = 3600.0
    record(5)
    seal()
    store.script = [("before", StoreUnavailable(reason="gone"))]
    deliver_due(seconds=10)
    deliver_due(seconds=10)
    deliver_due(seconds=10)
    assert len(store.appended) == 1


def test_when_the_store_is_back_nothing_waits_for_its_backoff(store, sealed, settings):
    settings.OUTBOX_BACKOFF_CAP = 3600.0
    store.script = [("before", StoreUnavailable(reason="gone"))]
    deliver_one()
    execute("UPDATE outbox_batch SET due_at = now() + interval '1 hour'")
    record(5)
    seal()
    relay.breaker._open_until = 0
    assert deliver_due(seconds=10) == 5
    assert {batch["state"] for batch in batches()} == {"delivered"}


def test_a_fault_of_the_deployment_is_said_once_a_minute_not_with_every_attempt(store, sealed, monkeypatch):
    store.script = [("before", StoreMisconfigured(reason="no table"))] * 5
    said = []
    monkeypatch.setattr(breaker.log, "error", lambda event, **_: said.append(event))
    for _ in range(5):
        make_due()
        assert deliver_one()[0] is Outcome.UNAVAILABLE
    assert said == ["store_misconfigured"]


def test_backoff_grows_to_its_cap_with_full_jitter(settings):
    settings.OUTBOX_BACKOFF_BASE = 1.0
    settings.OUTBOX_BACKOFF_CAP = 30.0
    waits = {attempts: [backoff(attempts) for _ in range(300)] for attempts in (1, 3, 1_000_000)}
    assert 0.5 < max(waits[1]) <= 1
    assert 3 < max(waits[3]) <= 4
    assert 25 < max(waits[1_000_000]) <= 30
    assert min(waits[1_000_000]) < 5
