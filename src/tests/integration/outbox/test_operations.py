"""The commands that act: what they say, in text and as JSON, and how they exit."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db.utils import OperationalError

from events.store import StoreUnavailable
from outbox.management.actions import ACTIONS
from outbox.sealing import seal
from tests.integration.outbox.conftest import batches, execute, in_another_session, outbox, record


def test_seal_says_what_it_sealed(memory_store):
    record(1, 2)
    assert outbox("seal") == (0, "sealed 2 events in 1 batch\n")
    assert outbox("seal") == (0, "sealed 0 events in 0 batches\n")
    record(3)
    assert json.loads(outbox("seal", "--json")[1]) == {"batches": 1, "events": 1}


def test_seal_is_busy_while_somebody_else_seals(memory_store):
    with in_another_session() as session:
        session.execute("SELECT pg_advisory_lock(%s)", (int.from_bytes(b"outbox", "big"),))
        assert outbox("seal") == (4, "somebody else is sealing now\n")
        session.execute("SELECT pg_advisory_unlock_all()")


def test_deliver_seals_and_delivers_until_nothing_is_left(memory_store):
    record(1, 2)
    assert outbox("deliver") == (0, "delivered 2 events; 0 events left\n")
    assert [batch["state"] for batch in batches()] == ["delivered"]


def test_deliver_can_leave_sealing_alone(memory_store):
    record(1)
    seal()
    record(2)
    assert outbox("deliver", "--sealed-only") == (0, "delivered 1 event; 1 event left\n")


def test_deliver_stops_when_the_store_is_unavailable_and_says_why(memory_store, monkeypatch):
    async def gone(_batch):
        raise StoreUnavailable(reason="connection refused")

    monkeypatch.setattr(memory_store, "append", gone)
    record(1)
    code, said = outbox("deliver")
    assert code == 3
    assert said.startswith("delivered 0 events; 1 event left\n")
    assert "connection refused" in said


def test_deliver_does_not_call_it_done_while_a_batch_waits_for_its_backoff(memory_store):
    record(1)
    seal()
    execute("UPDATE outbox_batch SET due_at = now() + interval '1 hour'")
    assert outbox("deliver")[0] == 4
    execute("UPDATE outbox_batch SET reason = 'connection refused'")
    assert outbox("deliver")[0] == 3


def test_an_unavailable_postgresql_is_told_in_one_line(memory_store, monkeypatch):
    def refuse(*_args, **_keys):
        raise OperationalError("connection refused\n  is the server running?")

    monkeypatch.setattr("outbox.management.actions.status.status", refuse)
    with pytest.raises(CommandError, match=r"^PostgreSQL cannot do this now: connection refused is the") as error:
        outbox("status")
    assert error.value.returncode == 3


@pytest.mark.parametrize(
    "action", ["status", "verify", "seal", "deliver", "replay --since 2d", "quarantine list", "rotate", "adopt"]
)
def test_an_outbox_without_tables_says_what_to_run(memory_store, action):
    execute("SET search_path = pg_temp")
    try:
        with pytest.raises(CommandError, match=r"^the outbox's tables are not there.+run manage\.py install$") as error:
            outbox(*action.split())
    finally:
        execute("RESET search_path")
    assert error.value.returncode == 3


def test_rotate_says_when_there_is_nothing_to_rotate(memory_store):
    assert outbox("rotate") == (0, "no slot is finished\n")


def test_every_action_explains_itself(capsys):
    for action in ACTIONS:
        with pytest.raises(SystemExit) as stop:
            call_command("outbox", action.name, "--help")
        assert stop.value.code == 0
        said = capsys.readouterr().out
        assert "Exit codes" in said
        assert "--json" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["conquer"], "invalid choice"),
        (["verify", "--since", "yesterday"], "neither a time"),
        (["quarantine", "list", "--limit", "-1"], "not a number from 1 up"),
        (["replay"], "say what to replay"),
        (["replay", "--batch", "12"], "invalid UUID value"),
        (["quarantine", "show"], "say which one"),
        (["quarantine", "show", "00000000-0000-0000-0000-000000000000"], "no quarantined event"),
    ],
)
def test_wrong_usage_is_told_in_one_line(memory_store, arguments, says):
    with pytest.raises(CommandError, match=says):
        outbox(*arguments)
