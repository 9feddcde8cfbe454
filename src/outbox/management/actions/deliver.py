import time
from argparse import ArgumentParser
from typing import Any

from outbox.adoption import adopt
from outbox.management.actions.action import BUSY, DONE, UNAVAILABLE, Action
from outbox.management.actions.presentation import bar, count
from outbox.relay import Outcome, deliver_one
from outbox.sealing import seal_all
from outbox.status import Status, status


class Deliver(Action):
    name = "deliver"
    help = (
        "seal what is committed and deliver until nothing is due; stops at the first sign that the store is unavailable"
    )

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--sealed-only", action="store_true", help="deliver what is sealed and seal nothing")

    def run(self, *, sealed_only: bool, **_: Any) -> int:
        adopt()
        if not sealed_only:
            seal_all()
        before = status()
        delivered, available = self._deliver(of=before.pending_events)
        left = status()
        self.answer(
            {"delivered_events": delivered, "pending_events": left.pending_events, "available": available},
            text=[f"delivered {count(delivered, 'event')}; {count(left.pending_events, 'event')} left", *_why(left)],
        )
        return _code(left, available=available)

    def _deliver(self, *, of: int) -> tuple[int, bool]:
        delivered, drawn_at = 0, 0.0
        while True:
            outcome, events = deliver_one()
            delivered += events
            if self.err.isatty() and time.monotonic() - drawn_at > 0.1:  # noqa: PLR2004 -- ten frames a second
                drawn_at = time.monotonic()
                self.err.write(bar(done=delivered, of=of, unit="event"), ending="")
            if outcome in {Outcome.NOTHING_DUE, Outcome.UNAVAILABLE}:
                if drawn_at:
                    self.err.write("\r\033[K", ending="")
                return delivered, outcome is Outcome.NOTHING_DUE


def _why(left: Status) -> list[str]:
    if left.has_moved:
        return ["the database failed over or has moved: all waits until the event store was asked; try again"]
    if left.pending_events and left.last_failure:
        return [f"last error: {left.last_failure['reason']}"]
    if waiting := left.batches.get("sealed"):
        return [f"a worker has {count(waiting['batches'], 'batch')} of them; try again"]
    return []


def _code(left: Status, *, available: bool) -> int:
    """A sealed batch that is not due waits for its backoff, or somebody else has it."""
    if not available or (left.batches.get("sealed") and left.last_failure):
        return UNAVAILABLE
    return BUSY if left.batches.get("sealed") or left.has_moved else DONE
