"""What recording costs: `record()` inside a registration, `record_many()`, and one `record()` after the other.

Registrations with and without recording take turns, one by one. Hashing the password is left out of the first
comparison (a hasher that does nothing stands in), because its 20 ms would drown what is looked for.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from statistics import median
from unittest.mock import patch
from uuid import uuid4

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext, override_settings

from bench.findings import Finding, Result, percentile, result, size
from bench.ground import empty
from events.event import Event
from outbox.client import EventLogClient
from users.use_cases.register_user import RegisterUser

REGISTRATIONS = size(tiny=5, usual=1_500, full=10_000)
EVENTS = size(tiny=100, usual=50_000, full=200_000)
ROUNDS = size(tiny=1, usual=5, full=7)
_SINGLE = 20  # so many fewer, for one statement each
_TEXT = "noticed by all who read it; " * 9


class BenchNoticed(Event, name="bench_noticed", version=1):
    """The bench has something to record, about 300 bytes of it."""

    number: int
    text: str


def measure() -> Iterator[Finding]:
    empty()
    yield from _registrations()
    yield from _many()


def _registrations() -> Iterator[Finding]:
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        statements = {}
        for on in (True, False):
            with _recording(on=on):
                statements[on] = _statements(_register)
        waits: dict[bool, list[float]] = {True: [], False: []}
        for number in range(2 * REGISTRATIONS):
            on = number % 2 == 0
            with _recording(on=on):
                waits[on].append(_milliseconds(_register))
    cost = median(waits[True]) - median(waits[False])
    real = [_milliseconds(_register) for _ in range(max(3, REGISTRATIONS // 30))]
    for on, name in ((True, "with"), (False, "without")):
        yield Result(
            what=f"a registration {name} record(), password hashing left out",
            measured=f"{median(waits[on]):.3f} ms",
            spread=f"{percentile(waits[on], 5):.3f}–{percentile(waits[on], 95):.3f}",
            compared=f"{statements[on]} statements",
        )
    yield Result(
        what="so record() costs", measured=f"{cost:.3f} ms",
        compared=f"{statements[True] - statements[False]} statement; {100 * cost / median(real):.1f} % of a "
        f"registration with its hash ({median(real):.1f} ms)",
    )  # fmt: skip


def _many() -> Iterator[Finding]:
    events = [BenchNoticed(number=number, text=_TEXT) for number in range(EVENTS)]
    several, single = [], []
    for _ in range(ROUNDS):
        several.append(_rate(events, lambda: EventLogClient.record_many(events)))
        some = events[: EVENTS // _SINGLE]
        single.append(_rate(some, lambda some=some: [EventLogClient.record(event) for event in some]))
        empty()
    yield result(f"record_many(), {EVENTS:,} events of 300 bytes", several, "events/s")
    yield result(
        "record(), one by one in one transaction", single, "events/s",
        compared=f"{1e6 / median(single):.0f} µs each",
    )  # fmt: skip


def _rate(events: list[BenchNoticed], work: Callable[[], object]) -> float:
    started = time.perf_counter()
    with transaction.atomic():
        work()
    return len(events) / (time.perf_counter() - started)


def _register() -> None:
    RegisterUser(email=f"{uuid4().hex}@example.com", password="a long way down", first_name="", last_name="").execute()


def _recording(*, on: bool) -> AbstractContextManager[object]:
    return nullcontext() if on else patch.object(EventLogClient, "record", lambda *_, **__: None)


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _statements(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)
