"""What must hold of outbox, ledger and store at any moment, whatever has happened."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from outbox.status import status
from outbox.verification import verify
from tests.integration.outbox.conftest import fetch

LIVE = {"sealed", "delivered", "quarantined", "discarded"}
DAWN = datetime(2000, 1, 1, tzinfo=UTC)

type Entries = list[dict[str, Any]]
type Members = Mapping[UUID, set[str]]
type Copies = dict[UUID, dict[str, int]]


def hold_promises(*, recorded: Mapping[int, str], kept: Copies) -> set[str]:
    """Demand them all; returns the states of the batches.

    `recorded` is every event ever committed, rotated ones included, and `kept` the store's copies by batch and event.
    """
    entries = fetch("SELECT * FROM outbox_batch")
    members = {entry["batch_id"]: _members(entry, recorded) for entry in entries}
    _every_event_is_in_one_live_batch_or_unsealed(entries, members, recorded)
    _the_store_has_each_batch_whole_or_not_at_all(entries, members, kept)
    for entry in entries:
        _the_entry_is_consistent(entry)
    _halves_are_their_parent(entries, members)
    _quarantined_events_are_kept_aside(entries)
    *_, found = verify(since=DAWN)
    assert found.in_order, found.differences
    return {entry["state"] for entry in entries}


def _members(entry: Mapping[str, Any], recorded: Mapping[int, str]) -> set[str]:
    return {recorded[i] for run in entry["ids"] for i in range(run.lower, run.upper) if i in recorded}


def _every_event_is_in_one_live_batch_or_unsealed(
    entries: Entries, members: Members, recorded: Mapping[int, str]
) -> None:
    sealed = [event for entry in entries if entry["state"] in LIVE for event in members[entry["batch_id"]]]
    assert len(sealed) == len(set(sealed)), "an event is in two live batches"
    assert len(recorded) - len(sealed) == status().unsealed_events, "an event is in no batch for ever"


def _the_store_has_each_batch_whole_or_not_at_all(entries: Entries, members: Members, kept: Copies) -> None:
    for entry in entries:
        batch_id, state = entry["batch_id"], entry["state"]
        assert entry["events"] == len(members[batch_id])
        whole, nothing = dict.fromkeys(members[batch_id], 1), dict[str, int]()
        allowed = {"delivered": [whole], "sealed": [whole, nothing]}.get(state, [nothing])
        assert kept.pop(batch_id, nothing) in allowed, f"the store's copy of a {state} batch"
    assert not kept, "the store has a batch that is not in the ledger"


def _the_entry_is_consistent(entry: Mapping[str, Any]) -> None:
    assert entry["fence"] == entry["attempts"]
    assert entry["owner"] is None or entry["state"] == "sealed"
    assert entry["state"] not in {"quarantined", "discarded"} or entry["events"] == 1


def _halves_are_their_parent(entries: Entries, members: Members) -> None:
    for parent in entries:
        halves = [members[entry["batch_id"]] for entry in entries if entry["parent_id"] == parent["batch_id"]]
        if parent["state"] == "split":
            assert len(halves) == 2
            assert halves[0] | halves[1] == members[parent["batch_id"]]
        else:
            assert not halves


def _quarantined_events_are_kept_aside(entries: Entries) -> None:
    aside = {row["batch_id"] for row in fetch("SELECT batch_id FROM outbox_quarantine")}
    assert {entry["batch_id"] for entry in entries if entry["state"] == "quarantined"} <= aside
