"""Sealing: microseconds a row, for a million rows at once, and whether rows that are delivered already slow it down.

The same rows are sealed again and again, the ledger and the cursor being set back in between. That "flat" means at most
1.15 times as long is the bench's own reading.
"""

import time
from collections.abc import Iterator
from statistics import median

from bench.findings import Finding, Goal, Result, ratio, size
from bench.ground import BEFORE_EVERYTHING, empty, execute, record_in_chunks, snapshot, unseal
from bench.processes import Engines
from outbox.sealing import seal_all

ROWS = size(tiny=1_000, usual=1_000_000, full=1_000_000)
KEPT = size(tiny=2_000, usual=1_000_000, full=10_000_000)
ROUNDS = size(tiny=1, usual=3, full=5)
# What is recorded and sealed at a time while the kept rows are made.
_CHUNK = 1_000_000


def measure() -> Iterator[Finding]:
    empty()
    record_in_chunks(ROWS)
    used = _postgresql()
    alone = _rounds(BEFORE_EVERYTHING)
    cost = (_postgresql() - used) / ROWS / (ROUNDS + 1) * 1e6
    yield _told(f"seal {ROWS:,} rows, none kept", alone, compared=f"{cost:.2f} µs of PostgreSQL's processor a row")
    _deliver()
    for kept in range(ROWS, KEPT, _CHUNK):
        record_in_chunks(min(_CHUNK, KEPT - kept))
        seal_all()
        _deliver()
    since = snapshot()
    record_in_chunks(ROWS)
    beside = _rounds(since)
    yield _told(f"the same beside {KEPT:,} delivered rows", beside, compared=f"{ratio(beside, alone):.2f} × as long")
    yield Goal(
        asked="at most 0.5 µs a row at a million rows", met=median(alone) <= 0.5,
        found=f"{median(alone):.2f} µs; {cost:.2f} µs of PostgreSQL's processor",
    )  # fmt: skip
    times = ratio(beside, alone)
    yield Goal(
        asked=f"flat in the size of the outbox already delivered: at most 1.15 × as long beside {KEPT:,} rows",
        met=times <= 1.15, found=f"{times:.2f} ×" + ("" if KEPT >= 10**7 else " (full=1 keeps 10 million)"),
    )  # fmt: skip


def _postgresql() -> float:
    """Seconds of processor that it has used so far; 0 where nobody can look."""
    return Engines().processor_seconds().get("PostgreSQL", 0.0)


def _rounds(since: str) -> list[float]:
    """Microseconds a row, in each round."""
    return [_sealed(since) for _ in range(ROUNDS + 1)][1:]  # the first meets rows that nobody has read before


def _sealed(since: str) -> float:
    unseal(since=since)
    started = time.perf_counter()
    sealing = seal_all()
    seconds = time.perf_counter() - started
    assert sealing is not None
    assert sealing.events == ROWS, f"{sealing.events} of {ROWS} rows were sealed"
    return seconds / ROWS * 1e6


def _deliver() -> None:
    """Have the ledger say so; nothing need be in ClickHouse for this."""
    execute(
        "UPDATE outbox_batch SET state = 'delivered', delivered_at = statement_timestamp(), checksum = 0"
        " WHERE state = 'sealed'"
    )


def _told(what: str, values: list[float], *, compared: str = "") -> Result:
    return Result(
        what=what, measured=f"{median(values):.2f} µs a row", spread=f"{min(values):.2f}–{max(values):.2f}",
        compared=compared,
    )  # fmt: skip
