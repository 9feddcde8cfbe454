"""What the processes do that chaos starts by forking: write, seal or relay, with the application's own code, for ever.

The forkserver imports this once, so a process that was killed is back within milliseconds.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django.setup()

from django.db import Error, connection, transaction  # noqa: E402 -- needs the set-up

from events.event import Event  # noqa: E402 -- needs the set-up
from outbox.client import EventLogClient  # noqa: E402 -- needs the set-up
from outbox.relay import deliver_due  # noqa: E402 -- needs the set-up
from outbox.sealing import seal  # noqa: E402 -- needs the set-up


class Marked(Event, name="chaos_marked", version=1):
    """Written in the middle of chaos; the mark is also in the writer's own log."""

    mark: str
    text: str = ""


class ChangeOfMind(Exception):
    """A business transaction, or a part of it, is rolled back on purpose."""


def relay(seed: int) -> None:
    """What the Celery task `outbox.tick` does, without Celery: deliver what is due."""
    _keep_on(lambda _dice: deliver_due(seconds=1), seed=seed, pause=0.02)


def sealer(seed: int) -> None:
    """Seal, in competition with the other sealers."""
    _keep_on(lambda _dice: seal(), seed=seed, pause=0.3)


def writer(seed: int, *, log: Path) -> None:
    """Business transactions of all kinds; after each commit its marks go to the log."""
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked_to_stop.append(number))
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    _keep_on(lambda dice: _transact(dice, file), seed=seed, pause=0.05, until=lambda: bool(asked_to_stop))


def _keep_on(
    work: Callable[[random.Random], object], *, seed: int, pause: float, until: Callable[[], bool] = lambda: False
) -> None:
    dice, parent = random.Random(seed), os.getppid()
    while os.getppid() == parent and not until():
        with _outliving_the_database():
            work(dice)
        time.sleep(dice.uniform(0, 2 * pause))


@contextmanager
def _outliving_the_database() -> Iterator[None]:
    """A lost connection is closed, so that the next turn opens a new one; as Celery and Django do between tasks."""
    try:
        yield
    except Error:
        connection.close()


def _transact(dice: random.Random, log: int) -> None:
    marks: list[str] = []
    try:
        with transaction.atomic():
            _record(dice, marks)
            if dice.random() < 0.15:
                time.sleep(dice.choice([0.05, 0.3, 1.5]))
            if dice.random() < 0.3:
                _change_ones_mind_in_part(log)
            if dice.random() < 0.15:
                raise ChangeOfMind
    except ChangeOfMind:
        _note(log, "aborted", marks)
    else:
        _note(log, "committed", marks)


def _record(dice: random.Random, marks: list[str]) -> None:
    count = dice.choice([1, 1, 1, 2, 5, 100])
    text = "x" * dice.choice([10, 10, 10, 1000, 200_000 if count < 5 else 10])
    marks += [uuid4().hex for _ in range(count)]
    if count == 1:
        EventLogClient.record(Marked(mark=marks[0], text=text))
    else:
        EventLogClient.record_many([Marked(mark=mark, text=text) for mark in marks])


def _change_ones_mind_in_part(log: int) -> None:
    mark = uuid4().hex
    with suppress(ChangeOfMind), transaction.atomic():
        EventLogClient.record(Marked(mark=mark))
        raise ChangeOfMind
    _note(log, "aborted", [mark])
    if transaction.get_rollback():
        # The session died within the savepoint. Django says nothing and will roll back all of it in silence.
        raise ChangeOfMind


def _note(log: int, what: str, marks: list[str]) -> None:
    os.write(log, f"{what} {' '.join(marks)}\n".encode())
