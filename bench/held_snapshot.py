"""Delivering while somebody holds a snapshot open for long, as a report or a forgotten session does: a queue drowns.

Nothing that dies meanwhile can be vacuumed away, and every poll of a queue table reads past all the rows that it has
deleted or marked before. Each contestant runs once without and once with such a transaction, chunk by chunk as events
are recorded; only delivering is timed. A run that gets too slow is stopped, and says so.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench.contest import Entry, Run, Team, rates, teams
from bench.findings import Finding, Plot, Result, size
from bench.ground import empty, execute, record

EVENTS = size(tiny=600, usual=100_000, full=2_000_000)
# Of draining; a queue that is drowned would take hours for the rest.
_MOST_SECONDS = size(tiny=5, usual=8, full=600)
_CHUNK = size(tiny=200, usual=10_000, full=20_000)
_QUARTER = 4
# With the tables in which rows can die.
_ENTRIES = [
    (Entry(name="ours", module="bench.ours", events=EVENTS), "outbox_%"),
    (
        Entry(name="select 1000 by the ORM, insert, delete", module="bench.baselines.orm_delete", events=EVENTS),
        "bench_orm_delete",
    ),
    (
        Entry(name="SKIP LOCKED, 1,000 rows, insert, mark", module="bench.baselines.skip_locked", events=EVENTS),
        "bench_skip_locked",
    ),
]


def measure() -> Iterator[Finding]:
    found: dict[str, dict[bool, list[Run]]] = {}
    entries = _ENTRIES[: size(tiny=2, usual=3, full=3)]
    with teams([entry for entry, _ in entries]) as running:
        for team, (entry, tables) in zip(running, entries, strict=True):
            free = _run(team)
            with _snapshot_held_open():
                held = _run(team)
                dead = _dead_rows(tables)
            found[entry.name] = {False: free, True: held}
            yield from _told(entry.name, free, held, dead=dead)
    yield Plot(
        name="held_snapshot",
        caption="Events a second, chunk by chunk; dashed without, solid with a snapshot held open.",
        draw=lambda axes: _draw(axes, found),
    )


def _run(team: Team) -> list[Run]:
    """Chunk after chunk, until all events are delivered or it takes too long."""
    empty()
    record(_CHUNK)  # what the baselines' queues are filled from
    team.run(_CHUNK)
    runs: list[Run] = []
    while sum(run.events for run in runs) < EVENTS and sum(run.seconds for run in runs) < _MOST_SECONDS:
        runs.append(team.go_on(_CHUNK))
    return runs


def _told(name: str, free: Sequence[Run], held: Sequence[Run], *, dead: int) -> Iterator[Finding]:
    for runs, how in ((free, "nobody in the way"), (held, "a snapshot held open")):
        delivered = sum(run.events for run in runs)
        first, last = _quarters(runs)
        stopped = "" if delivered >= EVENTS else f" (stopped after {_MOST_SECONDS} s)"
        yield Result(
            what=f"{name}, {how}: {delivered:,} events{stopped}",
            measured=f"{delivered / sum(run.seconds for run in runs):,.0f} events/s",
            spread=f"{min(rates(runs)):,.0f}–{max(rates(runs)):,.0f}",
            compared=f"first quarter {first:,.0f}, last quarter {last:,.0f}: {last / first:.2f} of it",
        )
    delivered = sum(run.events for run in held)
    yield Result(
        what=f"{name}: dead rows after that", measured=f"{dead:,}", compared=f"{dead / delivered:.4f} an event"
    )


def _quarters(runs: Sequence[Run]) -> tuple[float, float]:
    quarter = max(1, len(runs) // _QUARTER)
    return median(rates(runs[:quarter])), median(rates(runs[-quarter:]))


@contextmanager
def _snapshot_held_open() -> Iterator[None]:
    """Another session with a snapshot and a transaction id: nothing that dies from now on can be vacuumed away."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"]) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.execute("SELECT pg_current_xact_id(), count(*) FROM users_user")
        yield


def _dead_rows(tables: str) -> int:
    """Counted anew: sessions tell the statistics of what they did only now and then."""
    like = {"tables": tables}
    for (table,) in execute("SELECT relname FROM pg_stat_user_tables WHERE relname LIKE %(tables)s", like):
        execute(f"ANALYZE {table}")
    return int(execute("SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE relname LIKE %(tables)s", like)[0][0])


def _draw(axes: Any, found: Mapping[str, Mapping[bool, Sequence[Run]]]) -> None:
    for place, (name, both) in enumerate(found.items()):
        for is_held, runs in both.items():
            delivered = [sum(run.events for run in runs[: end + 1]) for end in range(len(runs))]
            label = f"{name}, held" if is_held else None
            axes.plot(delivered, rates(runs), "-" if is_held else "--", color=f"C{place}", label=label)
    axes.set_xlabel("events delivered since the snapshot was taken")
    axes.set_ylabel("events/s")
    axes.set_yscale("log")
    axes.legend(fontsize=8)
