import getpass
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from outbox.management.actions.action import DIFFERS, DONE, Action
from outbox.management.actions.presentation import count
from outbox.quarantine import discard, find, quarantined, release, release_all


class Quarantine(Action):
    """Events that the store refused for good, each alone in its batch, until a person decides.

    list     all of them, with the reason
    show     one, with its content
    replay   have it delivered again, once the cause is gone; --all for every one of them
    discard  give it up; who and why is recorded as an event
    """

    name = "quarantine"
    help = "list, show, replay or discard the events that the store refuses"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["list", "show", "replay", "discard"])
        parser.add_argument("batch", type=UUID, nargs="?", help="the event's batch, for all but list")
        parser.add_argument("--all", action="store_true", help="every event in quarantine, for replay")
        parser.add_argument("--limit", type=_positive, default=100, help="list no more than this (100)")
        parser.add_argument("--because", default="", help="the reason, for discard")
        parser.add_argument("--by", default="", help="who decides, for discard (the system's user name)")
        parser.add_argument("--yes", action="store_true", help="do not ask, for discard")

    def run(self, *, do: str, batch: UUID | None, **options: Any) -> int:
        if do == "list":
            return self._list(limit=options["limit"])
        if do == "replay" and options["all"]:
            return self._replay_all(but=batch)
        if batch is None:
            raise CommandError(f"say which one: outbox quarantine {do} BATCH", returncode=2)
        if do == "show":
            event = find(batch)
            self.answer(dict(event), text=(f"{key:<15} {value}" for key, value in event.items()))
            return DONE
        if do == "replay":
            release(batch)
            self.answer({"batch_id": batch}, text=["it will be tried again; if it is still refused, it comes back"])
            return DONE
        return self._discard(batch, because=options["because"], by=options["by"], sure=options["yes"])

    def _replay_all(self, *, but: UUID | None) -> int:
        if but is not None:
            raise CommandError("name one batch or say --all, not both", returncode=2)
        released = release_all()
        self.answer(
            {"released": released},
            text=[f"{count(released, 'event')} will be tried again; what is still refused comes back"],
        )
        return DONE

    def _list(self, *, limit: int) -> int:
        events = quarantined(limit=limit)
        self.answer([dict(event) for event in events], text=_lines(events))
        return DONE

    def _discard(self, batch: UUID, *, because: str, by: str, sure: bool) -> int:
        because = because.strip()
        if not because:
            raise CommandError('say why: --because "…"', returncode=2)
        event = find(batch)
        if not sure and not _is_sure(event):
            self.answer({"discarded": False}, text=["left where it is"])
            return DIFFERS
        discard(batch, by=by or getpass.getuser(), because=because)
        self.answer({"discarded": True, "batch_id": batch}, text=["discarded"])
        return DONE


def _is_sure(event: Mapping[str, Any]) -> bool:
    try:
        return input(f"discard {event['event_type']} {event['event_id']} for good? [y/N] ").lower() == "y"
    except EOFError:
        raise CommandError("there is nobody to ask: say --yes if you are sure", returncode=2) from None


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def _lines(events: list[Mapping[str, Any]]) -> Iterator[str]:
    for event in events:
        what = f"{event['event_type']} {event['event_id']}"
        yield f"{event['batch_id']}  {what}, {event['occurred_at']:%Y-%m-%d %H:%M:%S}"
        yield f"    {event['reason']}"
    yield f"{count(len(events), 'event')} in quarantine"
    if events:
        yield "once the cause is gone: outbox quarantine replay BATCH, or --all; to give one up: discard BATCH"
