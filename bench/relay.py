"""Events per second from PostgreSQL to ClickHouse: `make bench`.

Records events of 300 bytes, seals them, delivers them with one worker and verifies them, each step timed. It runs on
the throwaway stack, or on the servers in the environment; a database and an event_log of its own are made and dropped.
"""

import os
import sys
import time
from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import uuid4

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

EVENTS = int(os.environ.get("BENCH_EVENTS", "500000"))

RECORD = """
    INSERT INTO outbox_event (
        event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id, trace_context
    )
    SELECT gen_random_uuid(), 'bench_noticed', now(), 'bench', '{"number":' || n || ',"text":"' || %s || '"}', 1,
        '42', gen_random_uuid()::text, ''
    FROM generate_series(1, %s) AS n
"""


def timed(name: str, work: Callable[[], Any]) -> None:
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(f"{name:<10} {seconds:8.2f} s {EVENTS / seconds:12,.0f} events/s")


def record() -> None:
    with connection.cursor() as cursor:
        cursor.execute(RECORD, ["x" * 270, EVENTS])


def main() -> None:
    from outbox.event_store import event_store, wait_for
    from outbox.relay import deliver_due
    from outbox.sealing import seal_all

    database = f"bench_{uuid4().hex[:12]}"
    settings.EVENT_STORE["OPTIONS"]["database"] = database
    call_command("migrate_event_store", stdout=StringIO())
    print(f"{EVENTS:,} events of 300 bytes, batches of {settings.OUTBOX_BATCH_ROWS:,}, one worker")
    timed("record", record)
    timed("seal", seal_all)
    timed("deliver", lambda: deliver_due(seconds=3600))
    timed("verify", lambda: call_command("outbox", "verify"))
    wait_for(event_store().close())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()
    before = setup_databases(verbosity=0, interactive=False)
    try:
        main()
    finally:
        teardown_databases(before, verbosity=0)
    sys.exit(0)
