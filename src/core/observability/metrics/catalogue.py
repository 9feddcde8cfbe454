"""Every metric there is: its name, what it means, its labels. docs/monitoring/README.md is held against this table.

The seam's `outbox.events_delivered` is Prometheus' `die_hard_outbox_events_delivered_total`. Figures are told by the
code where something happens and kept by each process; facts are asked of the database when somebody looks, so they are
right whichever process has died.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

_MILLISECONDS_TO_A_MINUTE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BODY_BYTES = (0, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576)
_BATCH_EVENTS = (1, 10, 100, 1000, 2500, 5000, 10_000, 25_000, 100_000)
_BATCH_BYTES = (1024, 16_384, 131_072, 1_048_576, 4_194_304, 8_388_608, 16_777_216, 67_108_864)
_STATEMENTS_PATIENCE = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5)

DIFFERENCES: Final = ("missing", "repeated", "changed", "unexpected", "unnamed", "stray", "unknown_batch")
STORE_ERRORS: Final = ("unavailable", "misconfigured", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. `over` says how the values of several processes become one; `known` label values begin at 0."""

    name: str
    help: str
    labels: Sequence[str] = ()

    @property
    def prometheus_name(self) -> str:
        """What Prometheus calls it, less the suffixes of counters and histograms."""
        return f"die_hard_{self.name.replace('.', '_')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Metric):
    known: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread(Metric):
    buckets: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Metric):
    over: Literal["livesum", "livemax", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Metric):
    pass


FIGURES: Final[Sequence[Count | Spread | Level]] = (
    Spread(
        name="http.request_seconds",
        help="Seconds from a request's arrival to the end of its answer; its _count is the number of requests.",
        labels=("method", "route", "status"),
        buckets=_MILLISECONDS_TO_A_MINUTE,
    ),
    Spread(
        name="http.request_bytes",
        help="Size of request bodies, as far as they were read.",
        labels=("method", "route"),
        buckets=_BODY_BYTES,
    ),
    Spread(
        name="http.response_bytes",
        help="Size of response bodies, as far as they were sent.",
        labels=("method", "route"),
        buckets=_BODY_BYTES,
    ),
    Level(name="http.requests_in_flight", help="Requests that have come and are not answered yet.", over="livesum"),
    Count(
        name="outbox.events_recorded",
        help="Events committed to the outbox with their business change; a rolled-back one never counts.",
        labels=("event_type",),
    ),
    Count(name="outbox.ticks", help="Turns that workers took: seal what is committed, deliver what is due."),
    Count(name="outbox.batches_sealed", help="Batches whose membership was frozen."),
    Count(name="outbox.events_sealed", help="Events in those batches."),
    Count(name="outbox.batches_delivered", help="Batches settled: the event store has them."),
    Count(name="outbox.events_delivered", help="Events in those batches."),
    Spread(name="outbox.batch_events", help="Events in a batch when it was settled.", buckets=_BATCH_EVENTS),
    Spread(name="outbox.batch_bytes", help="Payload of a batch in bytes when it was settled.", buckets=_BATCH_BYTES),
    Spread(
        name="outbox.delivery_seconds",
        help="Seconds of one attempt at a batch, from its lease to its outcome.",
        labels=("outcome",),
        buckets=_MILLISECONDS_TO_A_MINUTE,
    ),
    Count(name="outbox.batches_split", help="Refused batches replaced by their halves, to single the culprit out."),
    Count(name="outbox.events_quarantined", help="Events set aside because the store refuses them for good."),
    Count(
        name="outbox.batches_found_stored",
        help="Attempts after an unclear one that found events of the batch in the store already, and repeated none.",
    ),
    Count(
        name="outbox.store_errors",
        help="Failed calls of the event store: unavailable waits, misconfigured wants mending, refused splits.",
        labels=("kind", "code"),
    ),
    Count(name="outbox.leases_expired", help="Batches taken over from a worker whose lease had run out."),
    Count(name="outbox.leases_lost", help="Attempts that came too late: the batch was somebody else's by then."),
    Level(
        name="outbox.breaker_open",
        help="1 from the store's first unavailable answer until a delivery succeeds, in any process of the host.",
        over="livemax",
    ),
    Count(name="outbox.reconciliations", help="Comparisons of ledger and store that came to their end."),
    Level(
        name="outbox.reconciled_timestamp_seconds",
        help="When the last comparison of ledger and store came to its end, as a Unix time; 0 before the first.",
        over="max",
    ),
    Count(
        name="outbox.differences",
        help="Events (for unknown_batch: batches) in which ledger and store differed; found again, they count again.",
        labels=("kind",),
        known=DIFFERENCES,
    ),
    Count(name="outbox.slots_rotated", help="Slots of the outbox truncated because everything in them is settled."),
    Count(name="outbox.batches_pruned", help="Ledger entries forgotten after OUTBOX_LEDGER_RETENTION."),
    Count(
        name="celery.tasks_failed",
        help="Tasks that ended in an exception nobody foresaw, ran into a limit or lost their process.",
        labels=("task",),
    ),
    Level(
        name="database.pool_connections",
        help="Connections to PostgreSQL in the web servers' pools.",
        over="livesum",
    ),
    Level(name="database.pool_idle", help="Connections in the pools that nobody uses now.", over="livesum"),
    Level(name="database.pool_limit", help="Connections that the pools may hold at most.", over="livesum"),
    Level(name="database.pool_waiting", help="Requests that wait for a connection now.", over="livesum"),
    Count(name="database.pool_requests", help="Connections asked of the pools."),
    Count(name="database.pool_waits", help="Times a connection was not there at once and had to be waited for."),
    Count(name="database.pool_wait_seconds", help="Seconds spent waiting for connections."),
    Count(name="database.pool_timeouts", help="Waits for a connection that were given up: requests answered with 503."),
    Level(name="hashing.waiting", help="Requests that wait for their turn to hash a password now.", over="livesum"),
    Count(name="hashing.refused", help="Requests turned away because too many wait to hash a password."),
    Spread(
        name="hashing.wait_seconds", help="Seconds waited for a turn to hash a password.", buckets=_STATEMENTS_PATIENCE
    ),
)

FACTS: Final[Sequence[Fact]] = (
    Fact(
        name="outbox.facts_available",
        help="1 if the database could be asked for the facts below just now; 0 if not, then they are missing.",
    ),
    Fact(name="outbox.pending_events", help="Events committed and not in the store yet, sealed or not."),
    Fact(name="outbox.pending_bytes", help="Payload of those events in bytes."),
    Fact(
        name="outbox.oldest_pending_age_seconds",
        help="The lag: how long the oldest pending event has been waiting; replays on purpose do not count.",
    ),
    Fact(
        name="outbox.unsealed_events",
        help="Events committed and in no batch yet; counted up to a hundred thousand.",
    ),
    Fact(
        name="outbox.oldest_unsealed_age_seconds",
        help="How long the oldest of those has been waiting; over a few seconds, nobody seals.",
    ),
    Fact(name="outbox.batches_sealed_pending", help="Batches sealed and not settled."),
    Fact(name="outbox.batches_leased", help="Pending batches that a worker is delivering, by leases that still run."),
    Fact(
        name="outbox.batches_in_doubt",
        help="Pending batches with a failed or abandoned attempt: the next one asks the store first.",
    ),
    Fact(name="outbox.quarantined_events", help="Events in quarantine that wait for a person to decide."),
    Fact(
        name="outbox.differences_found",
        help="Differences that the last comparison of ledger and store found; found again until mended.",
    ),
    Fact(
        name="outbox.held",
        help="1 while nothing is sealed or delivered because the database has moved; the lag says little then.",
    ),
    Fact(name="outbox.slot_bytes", help="Size of a slot of the outbox on disk, indexes included.", labels=("slot",)),
    Fact(name="outbox.slot_rows", help="Rows of a slot, by PostgreSQL's statistics.", labels=("slot",)),
)
