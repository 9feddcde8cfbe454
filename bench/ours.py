"""Our own relay as a contestant: seal what was recorded, then each worker delivers batches until none is due.

Everything is on: leases, fences, tokens, fingerprints, spans, figures, one log line a batch.
"""

import os

from django.conf import settings

from bench.ground import clickhouse, execute, record, unseal
from outbox.relay import deliver_due
from outbox.sealing import seal_all

if os.environ.get("BENCH_WITHOUT_LZ4"):
    settings.EVENT_STORE["OPTIONS"]["compression"] = False


def prepare() -> None:
    """Its tables are the application's."""


def fill(events: int) -> None:
    """Have all that is recorded before it, as if nothing had been sealed yet."""
    recorded = execute("SELECT count(*) FROM outbox_event")[0][0]
    assert recorded == events, f"{recorded} events are recorded, not {events}"
    unseal()


def add(events: int) -> None:
    record(events)


def begin() -> None:
    seal_all()


def drain() -> None:
    deliver_due(seconds=3600)


def arrived() -> int:
    assert execute("SELECT count(*) FROM outbox_batch WHERE state <> 'delivered'") == [(0,)]
    return int(clickhouse("SELECT count() FROM event_log")[0][0])
