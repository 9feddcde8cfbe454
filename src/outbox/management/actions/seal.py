from typing import Any

from outbox.management.actions.action import BUSY, DONE, Action
from outbox.management.actions.presentation import count
from outbox.sealing import seal_all


class Seal(Action):
    name = "seal"
    help = "freeze the membership of batches for everything committed so far"

    def run(self, **_: Any) -> int:
        sealing = seal_all()
        if sealing is None:
            self.answer({"busy": True}, text=["somebody else is sealing now"])
            return BUSY
        self.answer(
            {"batches": sealing.batches, "events": sealing.events},
            text=[f"sealed {count(sealing.events, 'event')} in {count(sealing.batches, 'batch')}"],
        )
        return DONE
