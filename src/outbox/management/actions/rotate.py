from typing import Any

from outbox.management.actions.action import DONE, Action
from outbox.rotation import rotate


class Rotate(Action):
    name = "rotate"
    help = "truncate the slots whose events are all settled and past OUTBOX_RETENTION"

    def run(self, **_: Any) -> int:
        slots = rotate()
        said = f"truncated {', '.join(f'slot {slot}' for slot in slots)}" if slots else "no slot is finished"
        self.answer({"slots": slots}, text=[said])
        return DONE
