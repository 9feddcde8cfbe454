"""How the relay grows: with workers, with the backlog, and with the size of a batch."""

from collections.abc import Iterator
from statistics import median

from django.test.utils import override_settings

from bench.contest import Entry, race, rates, shares
from bench.findings import Finding, result, size
from bench.ground import empty, record_in_chunks

EVENTS = size(tiny=400, usual=200_000, full=1_000_000)
BACKLOG = size(tiny=800, usual=600_000, full=10_000_000)
WORKERS = size(tiny=(1, 2), usual=(1, 2, 4), full=(1, 2, 4))
BATCH_ROWS = size(tiny=(50, 200), usual=(10_000, 100_000), full=(10_000, 30_000, 100_000))
ROUNDS = size(tiny=1, usual=3, full=5)
# A batch of 100,000 must not be cut for its bytes.
_BATCH_BYTES = 2**30


def measure() -> Iterator[Finding]:
    empty()
    record_in_chunks(EVENTS)
    yield from _workers()
    yield from _batches()
    yield from _backlog()


def _workers() -> Iterator[Finding]:
    entries = [
        Entry(name=f"{workers} workers", module="bench.ours", events=EVENTS, workers=workers) for workers in WORKERS
    ]
    runs = race(entries, rounds=ROUNDS)
    one = median(rates(runs[entries[0].name]))
    for name, found in runs.items():
        yield result(
            f"{name}, {EVENTS:,} events", rates(found), "events/s",
            compared=f"{median(rates(found)) / one:.2f} × one; {shares(found)}",
        )  # fmt: skip


def _batches() -> Iterator[Finding]:
    first = None
    for rows in BATCH_ROWS:
        with override_settings(OUTBOX_BATCH_ROWS=rows, OUTBOX_BATCH_BYTES=_BATCH_BYTES):
            entry = Entry(name="ours", module="bench.ours", events=EVENTS, workers=WORKERS[1])
            found = race([entry], rounds=ROUNDS)["ours"]
        first = first or median(rates(found))
        yield result(
            f"batches of {rows:,}, {entry.workers} workers", rates(found), "events/s",
            compared=f"{median(rates(found)) / first:.2f} × the first",
        )  # fmt: skip


def _backlog() -> Iterator[Finding]:
    first = None
    for events in (EVENTS, BACKLOG):
        if events > EVENTS:
            record_in_chunks(events - EVENTS)
        entry = Entry(name="ours", module="bench.ours", events=events, workers=WORKERS[1])
        found = race([entry], rounds=max(1, ROUNDS // 2))["ours"]
        first = first or median(rates(found))
        yield result(
            f"a backlog of {events:,}, {entry.workers} workers", rates(found), "events/s",
            compared=f"{median(rates(found)) / first:.2f} × the first",
        )  # fmt: skip
