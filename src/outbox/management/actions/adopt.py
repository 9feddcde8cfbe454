from typing import Any

from django.db import transaction

from outbox.adoption import adopt
from outbox.history import suspect
from outbox.management.actions.action import BUSY, DONE, Action
from outbox.management.actions.presentation import count


class Adopt(Action):
    """Ask the event store for batches that the ledger does not know, and enter them again.

    A failover, and a restore to a point in time or into another cluster, are noticed by themselves. A copy of the disk
    that was taken earlier is not: run this after restoring one, before workers start.
    """

    name = "adopt"
    help = "after a restore from a copy of the disk: have the ledger learn again what the event store has"

    def run(self, **_: Any) -> int:
        with transaction.atomic(durable=True):
            suspect(grace=0)
        adopted = adopt()
        if adopted is None:
            self.answer({"busy": True}, text=["somebody else is at it; see outbox status"])
            return BUSY
        self.answer(
            {"batches": adopted.batches, "events": adopted.events},
            text=[f"adopted {count(adopted.events, 'event')} in {count(adopted.batches, 'batch')}"],
        )
        return DONE
