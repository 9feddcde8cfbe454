"""Events per second from PostgreSQL to ClickHouse with one worker, step by step."""

import os
import time
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

from bench.ground import Result, empty, record

EVENTS = int(os.environ.get("BENCH_EVENTS", "500000"))


def measure() -> Iterator[Result]:
    from django.core.management import call_command

    from outbox.relay import deliver_due
    from outbox.sealing import seal_all

    empty()
    yield _timed("record", lambda: record(EVENTS))
    yield _timed("seal", seal_all)
    yield _timed("deliver", lambda: deliver_due(seconds=3600))
    yield _timed("verify", lambda: call_command("outbox", "verify", stdout=StringIO()))


def _timed(step: str, work: Callable[[], Any]) -> Result:
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    return Result(
        what=f"{step}, {EVENTS:,} events of 300 bytes",
        measured=f"{EVENTS / seconds:,.0f} events/s",
        compared=f"{seconds:.2f} s",
    )
