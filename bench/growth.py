"""How the relay grows: with workers, with the backlog, and with the size of a batch."""

from collections.abc import Iterator, Sequence
from statistics import median

from django.test.utils import override_settings

from bench.contest import Entry, Team, race, rates, shares, teams
from bench.findings import Finding, result, size
from bench.ground import empty, record_in_chunks

EVENTS = size(tiny=400, usual=100_000, full=1_000_000)
BACKLOG = size(tiny=800, usual=200_000, full=10_000_000)
WORKERS = size(tiny=(1, 2), usual=(1, 2, 4), full=(1, 2, 4))
BATCH_ROWS = size(tiny=(50, 200), usual=(10_000, 100_000), full=(10_000, 30_000, 100_000))
ROUNDS = size(tiny=1, usual=3, full=5)
# A batch of 100,000 must not be cut for its bytes.
_BATCH_BYTES = 2**30


def measure() -> Iterator[Finding]:
    empty()
    record_in_chunks(EVENTS)
    entries = [
        Entry(name=f"{workers} workers", module="bench.ours", events=EVENTS, workers=workers) for workers in WORKERS
    ]
    with teams(entries) as running:
        yield from _workers(running)
        two = running[1]
        yield from _batches(two)
        yield from _backlog(two)


def _workers(running: Sequence[Team]) -> Iterator[Finding]:
    runs = race(running, rounds=ROUNDS)
    one = median(rates(runs[running[0].entry.name]))
    for name, found in runs.items():
        yield result(
            f"{name}, {EVENTS:,} events", rates(found), "events/s",
            compared=f"{median(rates(found)) / one:.2f} × one; {shares(found)}",
        )  # fmt: skip


def _batches(team: Team) -> Iterator[Finding]:
    first = None
    for rows in BATCH_ROWS:
        with override_settings(OUTBOX_BATCH_ROWS=rows, OUTBOX_BATCH_BYTES=_BATCH_BYTES):
            found = [team.run(EVENTS).rate for _ in range(ROUNDS)]
        first = first or median(found)
        yield result(
            f"batches of {rows:,}, {team.entry.name}", found, "events/s",
            compared=f"{median(found) / first:.2f} × the first",
        )  # fmt: skip


def _backlog(team: Team) -> Iterator[Finding]:
    first = None
    for events in (EVENTS, BACKLOG):
        record_in_chunks(events - EVENTS)
        found = [team.run(events).rate for _ in range(ROUNDS)]
        first = first or median(found)
        yield result(
            f"a backlog of {events:,}, {team.entry.name}", found, "events/s",
            compared=f"{median(found) / first:.2f} × the first",
        )  # fmt: skip
