"""`outbox verify` and `outbox status`: what they say, and their exit codes."""

import json

import pytest
from django.core.management import CommandError, call_command

from events.store import StoreUnavailable
from outbox import ledger
from outbox.relay import deliver_due
from outbox.sealing import seal
from tests.integration.outbox.conftest import execute, fetch, outbox, record
from tests.integration.outbox.test_verification import kept_of, outcome


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


def test_the_command_speaks_of_quarantined_events(delivered):
    record(13)
    seal()
    ledger.quarantine(ledger.lease(owner="test"), reason="refused")
    assert outbox("verify")[1].endswith("in order; 1 event is in quarantine\n")


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


def test_status_says_when_the_database_has_moved(delivered):
    execute("UPDATE outbox_cursor SET cluster = cluster - 1")
    assert "failed over or has moved" in outbox("status")[1]


def test_status_of_an_empty_outbox_is_quiet(memory_store):
    code, said = outbox("status")
    assert code == 0
    assert said.startswith("pending      0 events")
    assert fetch("SELECT FROM outbox_batch") == []
