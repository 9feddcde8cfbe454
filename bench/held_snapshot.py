"""Two million events while somebody holds a snapshot open, against the same without: a queue table would drown here.

Runs with and without take turns, so that a machine that slows down slows both.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from bench.ground import Result, empty, record

EVENTS = int(os.environ.get("BENCH_HELD_EVENTS", "2000000"))
_CHUNK = 100_000
_ROUNDS = 2


def measure() -> Iterator[Result]:
    free, held = [], []
    for _ in range(_ROUNDS):
        free.append(_run())
        with _snapshot_held_open():
            held.append(_run())
            dead = _dead_rows()
    rates = {name: median(EVENTS / seconds for seconds in runs) for name, runs in (("free", free), ("held", held))}
    yield Result(
        what=f"seal and deliver {EVENTS:,} events, nobody in the way", measured=f"{rates['free']:,.0f} events/s"
    )
    yield Result(
        what="the same under a repeatable-read transaction held open",
        measured=f"{rates['held']:,.0f} events/s",
        compared=f"{rates['held'] / rates['free']:.2f} of it",
    )
    yield Result(what="dead rows in the outbox after that", measured=f"{dead:,}")


def _run() -> float:
    """Seconds of sealing and delivering, chunk by chunk as they are recorded."""
    from outbox.turn import turn

    empty()
    seconds = 0.0
    for _ in range(0, EVENTS, _CHUNK):
        record(_CHUNK)
        started = time.perf_counter()
        turn(seconds=3600)
        seconds += time.perf_counter() - started
    return seconds


@contextmanager
def _snapshot_held_open() -> Iterator[None]:
    """Another session with a snapshot and a transaction id: nothing that dies from now on can be vacuumed away."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"]) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.execute("SELECT pg_current_xact_id(), count(*) FROM users_user")
        yield


def _dead_rows() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE relname LIKE 'outbox_event_slot_%'")
        return int(cursor.fetchone()[0])
