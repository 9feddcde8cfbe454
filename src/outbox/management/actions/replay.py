from argparse import ArgumentParser
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.utils.timezone import now

from outbox.management.actions.action import BEGINNING, DIFFERS, DONE, Action, add_since, moment
from outbox.management.actions.presentation import count
from outbox.replay import delivered_between, replay


class Replay(Action):
    """Make settled batches due again; workers (or `outbox deliver`) then deliver them.

    What the store still has is not sent twice, and what it lacks is sent whatever it remembers of earlier deliveries,
    so the same command serves after a lost partition and for a store that was emptied.
    """

    name = "replay"
    help = "deliver settled batches again, on purpose; what the store still has is not sent twice"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=UUID, action="append", default=[], metavar="ID", help="this batch")
        add_since(parser, what="batches sealed")
        parser.add_argument("--until", type=moment, default=None, metavar="WHEN", help="only batches sealed before")

    def run(self, *, batch: list[UUID], since: datetime, until: datetime | None, **_: Any) -> int:
        if not batch and since == BEGINNING and until is None:
            raise CommandError("say what to replay: --batch, --since or --until", returncode=2)
        if until is not None and until <= since:
            raise CommandError("--until must be later than --since", returncode=2)
        pages = iter([batch]) if batch else delivered_between(since=since, until=until or now())
        batches = events = rotated = 0
        for page in pages:
            replayed = replay(page)
            batches, events = batches + replayed.batches, events + replayed.events
            rotated += replayed.rotated
        text = [f"{count(events, 'event')} in {count(batches, 'batch')} will be delivered again"]
        if rotated:
            text.append(
                f"{count(rotated, 'batch')} cannot be: unknown, not delivered yet, or the outbox has rotated since"
            )
        self.answer({"batches": batches, "events": events, "not_replayed": rotated}, text=text)
        return DIFFERS if batch and not batches else DONE
