"""`manage.py outbox …`: what an operator asks of the outbox."""

import json
import sys
from argparse import ArgumentTypeError
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from events.store import StoreUnavailable
from outbox.management.presentation import count, difference_lines, progress, status_lines
from outbox.status import status
from outbox.verification import Verification, settled, verify

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class Command(BaseCommand):
    help = "Look at the outbox, and prove that what it delivered is in the event store, once and unaltered."
    requires_system_checks = []  # noqa: RUF012 -- Django's own annotation

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        shows = actions.add_parser("status", help="pending events, batches by state, last error, slots")
        shows.add_argument("--since", type=_moment, default=_BEGINNING, metavar="WHEN", help=_SINCE_HELP)
        shows.add_argument("--json", action="store_true", help="print one JSON object")

        verifies = actions.add_parser(
            "verify",
            help="compare ledger and event store batch by batch",
            epilog="Exit code 0: in order. 1: something is missing, repeated or changed. 3: the store is unavailable.",
        )
        verifies.add_argument("--since", type=_moment, default=_BEGINNING, metavar="WHEN", help=_SINCE_HELP)
        verifies.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, action: str, **options: Any) -> None:
        {"status": self._status, "verify": self._verify}[action](since=options["since"], as_json=options["json"])

    def _status(self, *, since: datetime, as_json: bool) -> None:
        found = status(since=since)
        if as_json:
            self.stdout.write(json.dumps(asdict(found), default=str))
        else:
            self.stdout.write("\n".join(status_lines(found)))

    def _verify(self, *, since: datetime, as_json: bool) -> None:
        try:
            found = self._compare(since=since)
        except StoreUnavailable as error:
            raise CommandError(str(error), returncode=3) from None
        waiting = status(since=since)
        if as_json:
            self.stdout.write(
                json.dumps(
                    {
                        "in_order": found.in_order,
                        "batches": found.batches,
                        "events": found.events,
                        "pending_events": waiting.pending_events,
                        "quarantined_events": waiting.batches.get("quarantined", {}).get("events", 0),
                        "differences": [asdict(difference) for difference in found.differences],
                    },
                    default=str,
                )
            )
        else:
            self._tell(found, pending=waiting.pending_events)
        if not found.in_order:
            sys.exit(1)

    def _compare(self, *, since: datetime) -> Verification:
        batches, _events = settled(since=since)
        *_, found = progress(verify(since=since), of=batches, to=self.stderr)
        return found

    def _tell(self, found: Verification, *, pending: int) -> None:
        for difference in found.differences:
            self.stdout.write("\n".join(difference_lines(difference)))
        differing = len(found.differences)
        verdict = (
            "in order" if found.in_order else f"{count(differing, 'batch')} {'DIFFERS' if differing == 1 else 'DIFFER'}"
        )
        waits = f"; {count(pending, 'event')} {'is' if pending == 1 else 'are'} still on the way" if pending else ""
        self.stdout.write(
            f"verified {count(found.events, 'event')} in {count(found.batches, 'batch')}: {verdict}{waits}"
        )


_SINCE_HELP = "only batches sealed since: a time (2026-01-31 or 2026-01-31T12:00Z) or an age (90m, 12h, 7d)"


def _moment(text: str) -> datetime:
    if text[:-1].isdecimal() and text[-1] in _UNITS:
        return now() - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither a time (2026-01-31T12:00Z) nor an age (90m, 12h, 7d)") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
