import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from core.settings.environment import SOURCE
from events.store import StoreUnavailable
from events.stores.memory import MemoryEventStore
from outbox import ledger, verification
from outbox.figures import figures
from outbox.relay import deliver_due
from outbox.sealing import seal
from outbox.verification import reconcile, verify
from tests.integration.outbox.conftest import batches, execute, fetch, outbox, record

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def delivered(memory_store):
    """Two batches, of three events and of two."""
    record(1, 2, 3)
    seal()
    record(4, 5)
    seal()
    deliver_due(seconds=10)
    return memory_store


def outcome():
    *_, found = verify(since=LONG_AGO)
    return found


def kept_of(store: MemoryEventStore, batch: int) -> dict:
    return store._fingerprints[batches()[batch]["batch_id"]]


def test_what_was_delivered_once_is_in_order(delivered):
    found = outcome()
    assert (found.in_order, found.batches, found.events) == (True, 2, 5)


def test_an_empty_ledger_is_in_order(memory_store):
    assert outcome().in_order


def test_a_missing_event_is_named(delivered):
    lost, _ = kept_of(delivered, 0).popitem()
    (difference,) = outcome().differences
    assert difference.missing == [lost]
    assert [*difference.repeated, *difference.changed, *difference.unexpected] == []
    assert difference.unnamed == 0


def test_a_missing_batch_is_named_event_by_event(delivered):
    lost = set(delivered._fingerprints.pop(batches()[1]["batch_id"]))
    (difference,) = outcome().differences
    assert set(difference.missing) == lost


def test_a_repeated_event_is_named(delivered):
    kept = kept_of(delivered, 0)
    repeated = next(iter(kept))
    kept[repeated] = kept[repeated] * 2
    (difference,) = outcome().differences
    assert difference.repeated == [repeated]
    assert [*difference.missing, *difference.changed] == []


def test_a_changed_event_is_named(delivered):
    kept = kept_of(delivered, 0)
    changed = next(iter(kept))
    kept[changed] = [12345]
    (difference,) = outcome().differences
    assert difference.changed == [changed]


def test_an_event_that_was_never_in_the_batch_is_named(delivered):
    stranger = next(iter(kept_of(delivered, 1)))
    kept_of(delivered, 0)[stranger] = [1]
    (difference,) = outcome().differences
    assert difference.unexpected == [stranger]


def test_a_difference_is_counted_when_the_outbox_no_longer_knows_the_events(delivered):
    kept_of(delivered, 0).popitem()
    execute("TRUNCATE outbox_event")
    (difference,) = outcome().differences
    assert (difference.missing, difference.unnamed) == ([], 1)


def test_only_batches_settled_since_then_are_compared(delivered):
    execute("UPDATE outbox_batch SET delivered_at = %s WHERE events = 3", now() - timedelta(days=3))
    *_, found = verify(since=now() - timedelta(days=1))
    assert (found.batches, found.events) == (1, 2)


def test_the_ledger_is_read_page_by_page_and_no_batch_is_passed_over(delivered, monkeypatch):
    monkeypatch.setattr(verification, "_PAGE", 3)
    for number in range(10, 30):
        record(number)
        seal()
    deliver_due(seconds=10)
    execute("UPDATE outbox_batch SET delivered_at = (SELECT min(delivered_at) FROM outbox_batch) WHERE events = 1")
    found = outcome()
    assert (found.in_order, found.batches, found.events) == (True, 22, 25)


def test_reconciling_names_recent_batches_that_differ_in_the_log(delivered, monkeypatch):
    said = []
    monkeypatch.setattr(verification.log, "error", lambda event, **keys: said.append((event, keys["missing"])))
    assert verification.reconcile().in_order
    kept_of(delivered, 0).popitem()
    execute("UPDATE outbox_batch SET delivered_at = now() - interval '1 day' WHERE events = 2")
    found = verification.reconcile()
    assert found.batches == 1
    assert said == [("verification_failed", 1)]


def test_the_command_says_in_order_and_exits_with_0(delivered):
    record(6)
    code, said = outbox("verify")
    assert code == 0
    assert said == "verified 5 events in 2 batches: in order; 1 event is still on the way\n"


def test_the_command_names_the_event_and_exits_with_1(delivered):
    lost, _ = kept_of(delivered, 0).popitem()
    code, said = outbox("verify")
    assert code == 1
    assert f"missing: {lost}" in said
    assert "1 batch DIFFERS" in said


def test_the_command_speaks_json(delivered):
    lost, _ = kept_of(delivered, 0).popitem()
    code, said = outbox("verify", "--json", "--since", "1d")
    assert code == 1
    found = json.loads(said)
    assert (found["in_order"], found["batches"], found["events"]) == (False, 2, 5)
    assert found["differences"][0]["missing"] == [str(lost)]


def test_the_command_tells_an_unavailable_store_from_a_difference(delivered, monkeypatch):
    async def gone(*_):
        raise StoreUnavailable(reason="connection refused")

    monkeypatch.setattr(delivered, "digests", gone)
    with pytest.raises(CommandError, match="connection refused") as error:
        call_command("outbox", "verify")
    assert error.value.returncode == 3


def test_a_malformed_since_is_refused(memory_store):
    with pytest.raises(CommandError, match="neither a time"):
        call_command("outbox", "verify", "--since", "yesterday-ish")


def test_status_shows_what_waits_and_why(delivered):
    record(6)
    seal()
    record(7, 8)
    execute("UPDATE outbox_batch SET reason = 'connection refused', attempts = 7 WHERE state = 'sealed'")
    code, said = outbox("status")
    assert code == 0
    assert "3 events" in said.splitlines()[0]
    assert "connection refused" in said
    assert said.count("outbox_event_slot_") == 8
    assert said.count("<- today") == 1

    found = json.loads(outbox("status", "--json")[1])
    assert (found["pending_events"], found["unsealed_events"]) == (3, 2)
    assert found["batches"]["delivered"] == {"batches": 2, "events": 5, "bytes": found["batches"]["delivered"]["bytes"]}
    assert found["last_failure"]["attempts"] == 7
    assert found["oldest_pending_seconds"] >= 0


def test_a_batch_sealed_long_ago_and_delivered_now_is_reconciled(delivered):
    execute("UPDATE outbox_batch SET sealed_at = now() - interval '3 days'")
    assert verification.reconcile().batches == 2


def test_verify_names_events_that_no_batch_holds_and_repair_seals_them(delivered):
    record(6)
    execute("UPDATE outbox_event SET txid = '3' WHERE context LIKE '%%6%%'")
    code, said = outbox("verify", "--repair")
    assert code == 1
    assert "1 event IS IN NO BATCH" in said
    seal()
    deliver_due(seconds=10)
    assert outbox("verify")[0] == 0
    assert outcome().events == 6


def test_status_says_when_the_database_has_moved(delivered):
    execute("UPDATE outbox_cursor SET cluster = cluster - 1")
    assert "failed over or has moved" in outbox("status")[1]


def test_the_command_speaks_of_quarantined_events(delivered):
    record(13)
    seal()
    ledger.quarantine(ledger.lease(owner="test"), reason="refused")
    assert outbox("verify")[1].endswith("in order; 1 event is in quarantine\n")


def test_status_of_an_empty_outbox_is_quiet(memory_store):
    code, said = outbox("status")
    assert code == 0
    assert said.startswith("pending      0 events")
    assert fetch("SELECT FROM outbox_batch") == []


def settled_ago(minutes: int) -> None:
    execute("UPDATE outbox_batch SET delivered_at = now() - %s * interval '1 minute'", minutes)


def test_a_comparison_goes_back_to_the_last_one_that_was_in_order(delivered):
    reconcile()
    execute("UPDATE outbox_reconciliation SET clean_at = now() - interval '3 hours'")  # the store was away
    settled_ago(170)
    kept_of(delivered, 0).popitem()
    assert not reconcile().in_order
    settled_ago(190)
    assert not reconcile().in_order  # what became visible late
    settled_ago(200)
    assert reconcile().batches == 0


def test_a_difference_is_found_again_until_it_is_mended(delivered):
    assert figures().differences == 0
    kept = kept_of(delivered, 0)
    lost = kept.popitem()
    execute("UPDATE outbox_reconciliation SET clean_at = now() - interval '1 hour'")
    settled_ago(50)
    for _ in range(2):
        reconcile()
        assert figures().differences == 1
    kept.update([lost])
    assert reconcile().in_order
    assert figures().differences == 0
    assert reconcile().batches == 0  # this time has been seen to


def test_a_difference_that_is_accepted_as_the_runbook_has_it_ends_the_alert_and_verify_goes_on_naming_it(delivered):
    kept_of(delivered, 0).popitem()
    reconcile()
    assert figures().differences == 1
    runbook = (SOURCE.parent / "docs" / "operations.md").read_text()
    (accept,) = re.findall(r'UPDATE outbox_reconciliation [^"]+', runbook)
    execute(accept)
    assert reconcile().in_order
    assert figures().differences == 0
    assert not outcome().in_order


def test_a_comparison_that_does_not_come_to_its_end_leaves_no_hole(delivered, monkeypatch):
    async def away(batch_ids):
        raise StoreUnavailable(reason="away")

    execute("UPDATE outbox_reconciliation SET clean_at = now() - interval '1 hour'")
    settled_ago(50)
    with monkeypatch.context() as patched:
        patched.setattr(delivered, "digests", away)
        with pytest.raises(StoreUnavailable):
            reconcile()
    kept_of(delivered, 0).popitem()
    assert not reconcile().in_order
