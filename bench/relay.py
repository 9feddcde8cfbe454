"""The journey from PostgreSQL to ClickHouse: ours, what people write today, and the limit, in turns on the same rows.

Ours counts from the first look at the outbox to the last batch settled, so sealing is part of it. Workers are processes
that call what the Celery task calls; the wait for a tick is not part of it. Goals are judged by two workers with LZ4,
as production runs, whichever of ours is fastest, against the fastest of the others. Those get fewer events, so as to be
through in time; the numbers are in the table.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from bench.contest import Entry, Run, processor, race, rates, shares, teams
from bench.findings import Finding, Goal, Plot, ratio, result, size
from bench.ground import empty, record_in_chunks

# The bytes of a payload, and the share of the events that is moved with it.
PAYLOADS = size(
    tiny={"300 B": (270, 1.0)},
    usual={"300 B": (270, 1.0), "1 KB": (994, 0.5)},
    full={"300 B": (270, 1.0), "1 KB": (994, 1.0)},
)
EVENTS = size(tiny=300, usual=100_000, full=1_000_000)
ROUNDS = size(tiny=1, usual=3, full=7)
# The numbers of workers, and whether with compression.
_OURS = size(
    tiny=((2, True),), usual=((1, True), (2, True), (2, False)), full=((1, True), (2, True), (1, False), (2, False))
)
# Rows at a time, and workers: as it is usually written, and with as many rows as ours.
_SKIPPING = ((1_000, 1), (10_000, 1), (10_000, 2))
_JUDGED = "ours, 2 workers, LZ4 on"
_LIMIT = "the limit: ClickHouse pulls by postgresql()"
_LIMIT_IN_PARTS = "the same, in parts of 10,000 rows as ours"


def _of(workers: int) -> str:
    return f"{workers} {'worker' if workers == 1 else 'workers'}"


_ENTRIES = [
    Entry(name=_LIMIT, module="bench.limit", events=EVENTS),
    Entry(name=_LIMIT_IN_PARTS, module="bench.limit", events=EVENTS, environment={"BENCH_ROWS": "10000"}),
    *(
        Entry(
            name=f"ours, {_of(workers)}, LZ4 {'on' if lz4 else 'off'}",
            module="bench.ours", events=EVENTS, workers=workers,
            environment={} if lz4 else {"BENCH_WITHOUT_LZ4": "1"},
        )
        for workers, lz4 in _OURS
    ),
]  # fmt: skip
_BASELINES = [
    Entry(
        name="select 1000 by the ORM, insert, delete", module="bench.baselines.orm_delete",
        events=size(tiny=300, usual=20_000, full=200_000),
    ),
    *(
        Entry(
            name=f"SKIP LOCKED, {rows:,} rows, insert, mark; {_of(workers)}", module="bench.baselines.skip_locked",
            events=size(tiny=300, usual=30_000, full=400_000), workers=workers, environment={"BENCH_ROWS": str(rows)},
        )
        for rows, workers in size(tiny=((1_000, 1),), usual=_SKIPPING, full=_SKIPPING)
    ),
    Entry(
        name="one row, one send", module="bench.baselines.one_by_one", events=size(tiny=5, usual=60, full=1_000),
    ),
]  # fmt: skip


def measure() -> Iterator[Finding]:
    found = {}
    with teams([*_ENTRIES, *_BASELINES]) as running:
        for payload, (payload_bytes, share) in PAYLOADS.items():
            empty()
            record_in_chunks(round(share * EVENTS), payload_bytes=payload_bytes)
            found[payload] = race(running, rounds=ROUNDS, share=share)
            yield from _table(payload, found[payload])
    yield Plot(
        name="relay", caption="Events a second from PostgreSQL to ClickHouse, median of the rounds.",
        draw=lambda axes: _draw(axes, found),
    )  # fmt: skip


def _table(payload: str, runs: Mapping[str, Sequence[Run]]) -> Iterator[Finding]:
    limit = rates(runs[_LIMIT])
    best = max((entry.name for entry in _BASELINES), key=lambda name: sum(rates(runs[name])))
    for name in runs:
        against = "" if name == _LIMIT else f"{ratio(rates(runs[name]), limit):.2f} of the limit"
        if name.startswith("ours"):
            against += f", {ratio(rates(runs[name]), rates(runs[best])):.1f} × the best baseline"
        elif name not in {_LIMIT, _LIMIT_IN_PARTS}:
            against += f"; ours is {ratio(rates(runs[_JUDGED]), rates(runs[name])):,.1f} × as fast"
        what = f"{payload}: {name} ({runs[name][0].events:,} events)"
        yield result(what, rates(runs[name]), "events/s", compared=against)
    for name in (_JUDGED, best, _LIMIT, _LIMIT_IN_PARTS):
        yield from processor(f"{payload}: {name}", runs[name])
    yield from _goals(payload, best, runs)


def _goals(payload: str, best: str, runs: Mapping[str, Sequence[Run]]) -> Iterator[Finding]:
    mine = rates(runs[_JUDGED])
    of_limit, times = ratio(mine, rates(runs[_LIMIT])), ratio(mine, rates(runs[best]))
    yield Goal(
        asked=f"{payload}: at least 0.6 of the limit", met=of_limit >= 0.6,
        found=f"{of_limit:.2f} ({_JUDGED}); {shares(runs[_JUDGED])}; the limit: {shares(runs[_LIMIT])}",
    )  # fmt: skip
    yield Goal(
        asked=f"{payload}: at least 5 × the best baseline", met=times >= 5,
        found=f"{times:.1f} × ({best}); {shares(runs[best])}",
    )  # fmt: skip
    yield Goal(
        asked=f"{payload}: at least 100,000 events/s on 2 cores", met=median(mine) >= 100_000,
        found=f"{median(mine):,.0f} events/s on {os.cpu_count()}",
    )  # fmt: skip


def _draw(axes: Any, found: Mapping[str, Mapping[str, Sequence[Run]]]) -> None:
    names = list(reversed(next(iter(found.values()))))
    height = 0.8 / len(found)
    for place, (payload, runs) in enumerate(found.items()):
        middles = [median(rates(runs[name])) for name in names]
        bars = axes.barh([row - place * height for row in range(len(names))], middles, height, label=payload)
        axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=7)
    axes.set_yticks([row - height * (len(found) - 1) / 2 for row in range(len(names))], names, fontsize=8)
    axes.set_xlabel("events/s")
    axes.margins(x=0.15)
    axes.legend(loc="lower right")
