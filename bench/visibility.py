"""From commit to visible: how long after its commit an event is found by a SELECT in ClickHouse.

The real processes (a Celery worker with two children, and beat) on the default pause of one second between ticks, and
on a tenth of that. ClickHouse is asked every 20 ms, and a batch counts as visible when it was first seen: the figures
err on the long side by as much. Each event is a transaction of its own, by a writer that does without Django.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.findings import Finding, Goal, Plot, Result, percentile, size
from bench.ground import clickhouse_client, empty, record
from bench.processes import started

RATES = size(tiny=(20,), usual=(10, 100, 1_000), full=(10, 100, 1_000))
SECONDS = size(tiny=1, usual=8, full=60)
# By the pause between two ticks, in seconds.
_BOTH = {1.0: 1.5, 0.1: 0.35}
_MOST = size(tiny={0.1: 0.35}, usual=_BOTH, full=_BOTH)
_PAUSE = 0.02
_PATIENCE = 60
_CELERY = ("-m", "celery", "--quiet", "--app", "core")


def measure() -> Iterator[Finding]:
    found: dict[str, list[float]] = {}
    for flush, most in _MOST.items():
        empty()
        with application(OUTBOX_FLUSH_INTERVAL=str(flush)):
            _await_first_delivery()
            for rate in RATES:
                waits, parts = _at(rate)
                name = f"{rate:,} events/s, a tick every {flush:g} s"
                found[name] = waits
                yield from _told(name, waits, parts, most=most)
    yield Plot(
        name="visibility", caption="Share of the events that are visible so many seconds after their commit.",
        draw=lambda axes: _draw(axes, found),
    )  # fmt: skip


@contextmanager
def application(**environment: str) -> Iterator[dict[str, int]]:
    """The process ids of a Celery worker with two children and of beat, while they run."""
    welcome = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges", **environment}
    worker = (*_CELERY, "worker", "--concurrency", "2", "--without-mingle", "--without-gossip")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        beat = (*_CELERY, "beat", "--schedule", f"{folder}/schedule")
        commands = {"worker": worker, "beat": beat}
        yield {
            name: stack.enter_context(started(*command, environment=welcome)).pid for name, command in commands.items()
        }


def _await_first_delivery() -> None:
    """The processes take some seconds to start; the first batch finds everything cold."""
    record(1)
    client, deadline = clickhouse_client(), time.monotonic() + _PATIENCE
    while client.execute("SELECT count() FROM event_log") != [(1,)]:
        assert time.monotonic() < deadline, "the worker delivers nothing"
        time.sleep(0.1)
    client.disconnect()


def _at(rate: int) -> tuple[list[float], int]:
    """Each event's wait at this rate, in seconds, and how many parts the INSERTs have made."""
    client = clickhouse_client()
    known, parts = {batch for (batch,) in client.execute("SELECT DISTINCT batch_id FROM event_log")}, _parts(client)
    seen: dict[UUID, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "committed"
        with started("-m", "bench.writer", str(rate), str(SECONDS), str(file)) as writer:
            deadline, events = time.monotonic() + SECONDS + _PATIENCE, rate * SECONDS
            before = client.execute("SELECT count() FROM event_log")[0][0]
            while client.execute("SELECT count() FROM event_log")[0][0] < before + events:
                assert time.monotonic() < deadline, "not all events have become visible"
                _look(client, known, seen)
                time.sleep(_PAUSE)
            _look(client, known, seen)
            assert writer.wait(timeout=_PATIENCE) == 0
        committed = dict(line.split() for line in file.read_text().splitlines())
    batches = dict(client.execute("SELECT event_id, batch_id FROM event_log"))
    waits = [seen[batches[UUID(event)]] - float(at) for event, at in committed.items()]
    made = _parts(client) - parts
    client.disconnect()
    return waits, made


def _look(client: Any, known: set[UUID], seen: dict[UUID, float]) -> None:
    """Note which batches are there that were not before; by when the answer was here."""
    for (batch,) in client.execute("SELECT DISTINCT batch_id FROM event_log"):
        if batch not in known:
            seen.setdefault(batch, time.monotonic())


def _parts(client: Any) -> int:
    """How many parts INSERTs have made so far: each takes the next number, whatever is merged later."""
    ((most,),) = client.execute(
        "SELECT max(max_block_number) FROM system.parts WHERE database = currentDatabase() AND table = 'event_log'"
    )
    return int(most)


def _told(name: str, waits: list[float], parts: int, *, most: float) -> Iterator[Finding]:
    p50, p95, p99 = (percentile(waits, percent) for percent in (50, 95, 99))
    yield Result(
        what=f"commit to visible: {name}", measured=f"p50 {p50:.3f} s",
        spread=f"{min(waits):.3f}–{max(waits):.3f}",
        compared=f"p95 {p95:.3f} s, p99 {p99:.3f} s; {parts * 60 / SECONDS:.0f} parts a minute",
    )  # fmt: skip
    yield Goal(asked=f"{name}: p99 at most {most:g} s", met=p99 <= most, found=f"{p99:.3f} s of {len(waits):,} events")


def _draw(axes: Any, found: Mapping[str, list[float]]) -> None:
    for name, waits in found.items():
        ordered = sorted(waits)
        axes.plot(ordered, [(place + 1) / len(ordered) for place in range(len(ordered))], label=name)
    axes.set_xlabel("seconds after the commit")
    axes.set_ylabel("share of the events")
    axes.legend(fontsize=8)
