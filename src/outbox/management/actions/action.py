"""The base of every action: its words on the command line, and how it answers, in text or as JSON."""

import json
from abc import ABC, abstractmethod
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol

from django.utils.timezone import now

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
DONE, DIFFERS, UNAVAILABLE, BUSY = 0, 1, 3, 4
EXIT_CODES = "Exit codes: 0 done; 1 something differs; 2 wrong usage; 3 a database is unavailable; 4 try again."

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Stream(Protocol):
    """What Django gives a command to write to."""

    def isatty(self) -> bool: ...
    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> Any: ...
    def flush(self) -> None: ...


class Action(ABC):
    """One thing that can be asked of the outbox."""

    name: ClassVar[str]
    help: ClassVar[str]

    def __init__(self, *, out: Stream, err: Stream, as_json: bool) -> None:
        self.out, self.err, self._as_json = out, err, as_json

    @classmethod  # noqa: B027 -- not abstract: most actions take nothing more
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Declare what this action takes; --json is everybody's."""

    @abstractmethod
    def run(self, *_: Any, **options: Any) -> int:
        """Do it with the options that `add_arguments` declared, by their names, and return the exit code."""

    def answer(self, found: object, *, text: Iterable[str]) -> None:
        """Say what was found: as one JSON object, or as lines of text."""
        if self._as_json:
            self.out.write(json.dumps(found, default=_as_text))
        else:
            for line in text:
                self.out.write(line)


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def moment(text: str) -> datetime:
    """A point in time, from a date, a time or an age."""
    if text[:-1].isdecimal() and text[-1] in _UNITS:
        try:
            return now() - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        except OverflowError:
            return BEGINNING
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither a time (2026-01-31T12:00Z) nor an age (90m, 12h, 7d)") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def add_since(
    parser: ArgumentParser, *, what: str, default: datetime | None = BEGINNING, otherwise: str = "all"
) -> None:
    parser.add_argument(
        "--since",
        type=moment,
        default=default,
        metavar="WHEN",
        help=f"only {what} since: a time (2026-01-31T12:00Z) or an age (90m, 12h, 7d); {otherwise} unless given",
    )
