from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime
from typing import Any

from outbox.management.actions.action import DIFFERS, DONE, Action, add_since
from outbox.management.actions.presentation import count, progress, verification_lines
from outbox.replay import replay
from outbox.sealing import sweep
from outbox.status import status
from outbox.verification import Verification, settled, verify


class Verify(Action):
    name = "verify"
    help = "compare ledger and event store batch by batch, and name every event that differs"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        add_since(parser, what="batches settled")
        parser.add_argument(
            "--repair", action="store_true", help="deliver again what is missing, as far as the outbox still holds it"
        )

    def run(self, *, since: datetime, repair: bool, **_: Any) -> int:
        found = self._compare(since=since)
        waiting = status()
        quarantined = waiting.batches.get("quarantined", {}).get("events", 0)
        summary: dict[str, Any] = {
            "in_order": found.in_order,
            "batches": found.batches,
            "events": found.events,
            "pending_events": waiting.pending_events,
            "quarantined_events": quarantined,
            "differences": [asdict(difference) for difference in found.differences],
            "in_no_batch": found.strays,
            "not_in_the_ledger": found.unknown_batches,
        }
        text = list(verification_lines(found, pending=waiting.pending_events, quarantined=quarantined))
        if repair:
            summary["repairing_batches"], told = _repair(found)
            text.extend(told)
        self.answer(summary, text=text)
        return DONE if found.in_order else DIFFERS

    def _compare(self, *, since: datetime) -> Verification:
        batches, _events = settled(since=since)
        *_, found = progress(verify(since=since), of=batches, to=self.err)
        return found


def _repair(found: Verification) -> tuple[int, list[str]]:
    """Have what is missing delivered again, and say what that does not mend."""
    told = []
    missing = [difference.batch_id for difference in found.differences if difference.missing]
    repaired = replay(missing).batches if missing else 0
    if missing:
        told.append(f"what is missing of {count(repaired, 'batch')} will be delivered again")
    if found.strays:
        sweep()
        told.append("what is in no batch will be sealed")
    if any(difference.repeated for difference in found.differences):
        told.append("repeats are folded by OPTIMIZE TABLE event_log FINAL, if they are the same event")
    if any(difference.changed for difference in found.differences):
        told.append("delete the changed rows from event_log, then verify --repair delivers them again")
    if found.unknown_batches:
        told.append("batches that the ledger lost with a restore are entered again by: outbox adopt")
    return repaired, told
