import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from outbox.relay import deliver_due
from outbox.replay import replay
from outbox.sealing import seal
from tests.integration.outbox import conftest
from tests.integration.outbox.conftest import batches, execute, fetch, record


@pytest.fixture
def delivered(clickhouse):
    """Two batches in ClickHouse, of three events and of two."""
    record(1, 2, 3)
    seal()
    record(4, 5)
    seal()
    deliver_due(seconds=10)
    return clickhouse


def outbox(*arguments: str) -> tuple[int, dict]:
    code, said = conftest.outbox(*arguments, "--json")
    return code, json.loads(said)


def rows(clickhouse) -> tuple[int, int]:
    return clickhouse.execute("SELECT count(), uniqExact(event_id) FROM event_log")[0]


def test_replaying_what_the_store_has_repeats_nothing(delivered):
    assert outbox("replay", "--since", "1d") == (0, {"batches": 2, "events": 5, "not_replayed": 0})
    assert outbox("deliver")[1]["delivered_events"] == 5
    assert rows(delivered) == (5, 5)
    assert outbox("verify")[0] == 0


def test_replaying_fills_a_store_that_was_emptied_although_it_remembers_the_tokens(delivered):
    for _ in range(2):
        delivered.execute("ALTER TABLE event_log DELETE WHERE 1 SETTINGS mutations_sync = 2")
        assert rows(delivered) == (0, 0)
        outbox("replay", "--since", "1d")
        outbox("deliver")
        assert rows(delivered) == (5, 5)
    assert outbox("verify")[0] == 0


def test_verify_repairs_what_is_missing_and_only_that(delivered):
    ((lost,),) = delivered.execute("SELECT event_id FROM event_log ORDER BY event_id LIMIT 1")
    for _ in range(2):
        delivered.execute(
            "ALTER TABLE event_log DELETE WHERE event_id = %(id)s SETTINGS mutations_sync = 2", {"id": str(lost)}
        )
        code, found = outbox("verify", "--repair")
        assert code == 1
        assert [difference["missing"] for difference in found["differences"]] == [[str(lost)]]
        assert found["repairing_batches"] == 1
        outbox("deliver")
        assert outbox("verify")[0] == 0
    assert rows(delivered) == (5, 5)


def test_one_batch_can_be_replayed_by_its_id(delivered):
    batch_id = batches()[0]["batch_id"]
    assert outbox("replay", "--batch", str(batch_id))[1]["events"] == 3
    assert [batch["state"] for batch in batches()] == ["sealed", "delivered"]


def test_a_batch_whose_events_are_gone_cannot_be_replayed(delivered):
    execute("TRUNCATE outbox_event")
    found = replay([batch["batch_id"] for batch in batches()])
    assert (found.batches, found.rotated) == (0, 2)
    assert {batch["state"] for batch in batches()} == {"delivered"}


def test_the_ledgers_first_checksum_outlives_a_replay_of_an_altered_outbox(delivered):
    execute("UPDATE outbox_event SET context = '{}' WHERE id = (SELECT min(id) FROM outbox_event)")
    delivered.execute("ALTER TABLE event_log DELETE WHERE 1 SETTINGS mutations_sync = 2")
    outbox("replay", "--since", "1d")
    outbox("deliver")
    assert outbox("verify")[0] == 1


def test_replay_wants_to_know_what(delivered):
    with pytest.raises(CommandError, match="say what to replay"):
        outbox("replay")


def test_rows_under_a_batch_that_the_ledger_does_not_know_are_found_out(delivered):
    """The ledger was restored from a backup, or somebody else writes into the store."""
    delivered.execute(
        "INSERT INTO event_log SELECT * REPLACE (generateUUIDv4() AS batch_id) FROM event_log ORDER BY event_id LIMIT 1"
    )
    code, found = outbox("verify")
    assert code == 1
    ((stranger,),) = delivered.execute(
        "SELECT batch_id FROM event_log WHERE batch_id NOT IN %(known)s",
        {"known": [str(b["batch_id"]) for b in batches()]},
    )
    assert found["not_in_the_ledger"] == [str(stranger)]


def test_an_unknown_batch_cannot_be_replayed(delivered):
    code, found = outbox("replay", "--batch", "00000000-0000-0000-0000-000000000000")
    assert (code, found["not_replayed"]) == (1, 1)


def test_a_table_that_was_dropped_is_made_again_and_filled_from_the_outbox(delivered):
    delivered.execute("DROP TABLE event_log")
    call_command("migrate_event_store", stdout=StringIO())
    assert rows(delivered) == (0, 0)
    outbox("verify", "--repair")
    outbox("deliver")
    assert outbox("verify")[0] == 0
    assert rows(delivered) == (5, 5)


@pytest.mark.parametrize("column", ["metadata_version String", "actor_id FixedString(10)"])
def test_a_column_changed_under_a_running_worker_holds_the_batch_back_and_spoils_nothing(delivered, column):
    delivered.execute(f"ALTER TABLE event_log MODIFY COLUMN {column} SETTINGS mutations_sync = 2")
    record(6)
    code, found = outbox("deliver")
    assert (code, found["pending_events"]) == (3, 1)
    assert rows(delivered) == (5, 5)
    assert "must be" in fetch("SELECT reason FROM outbox_batch WHERE state = 'sealed'")[0]["reason"]
