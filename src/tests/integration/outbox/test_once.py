"""The promise itself, on real servers: every committed event is in one batch and once in ClickHouse."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from outbox.client import EventLogClient
from outbox.relay import Outcome, deliver_due, deliver_one
from outbox.sealing import seal, seal_all
from tests.integration.outbox.conftest import Noticed, batches, execute, fetch, record


class Abort(Exception):
    """A business transaction changes its mind."""


def stored(clickhouse) -> list[UUID]:
    return [event_id for (event_id,) in clickhouse.execute("SELECT event_id FROM event_log ORDER BY event_id")]


def recorded() -> list[UUID]:
    return sorted((row["event_id"] for row in fetch("SELECT event_id FROM outbox_event")), key=lambda x: x.int)


def assert_every_event_is_stored_once(clickhouse) -> None:
    assert sorted(stored(clickhouse), key=lambda x: x.int) == recorded()
    call_command("outbox", "verify")


def write_for_a_while(*, seed: int, until: float) -> None:
    """Business transactions of all kinds: short, long, with savepoints, aborted in part or whole."""
    dice = random.Random(seed)
    while time.monotonic() < until:
        try:
            with transaction.atomic():
                EventLogClient.record(Noticed(number=seed))
                if dice.random() < 0.3:
                    EventLogClient.record_many([Noticed(number=seed) for _ in range(dice.randrange(200))])
                if dice.random() < 0.3:
                    with pytest.raises(Abort), transaction.atomic():
                        record_and_abort(seed)
                if dice.random() < 0.3:
                    time.sleep(dice.choice([0.01, 0.1, 0.5, 2.0]))
                if dice.random() < 0.2:
                    raise Abort
        except Abort:
            continue


def record_and_abort(number: int) -> None:
    EventLogClient.record(Noticed(number=number))
    raise Abort


def keep_on(work: Callable[[], object], *, until_set: Flag) -> None:
    while not until_set.is_set():
        work()
        time.sleep(0.01)


def in_thread(run: Callable[..., None], /, **arguments: object) -> None:
    try:
        run(**arguments)
    finally:
        connection.close()


def test_concurrent_writers_sealers_and_workers_leave_every_committed_event_once(clickhouse, settings):
    settings.OUTBOX_BATCH_ROWS = 300
    done, until = Flag(), time.monotonic() + 6
    with ThreadPoolExecutor(15) as threads:
        background = [threads.submit(in_thread, keep_on, work=seal, until_set=done) for _ in range(3)]
        background += [threads.submit(in_thread, keep_on, work=deliver_one, until_set=done) for _ in range(4)]
        writers = [threads.submit(in_thread, write_for_a_while, seed=seed, until=until) for seed in range(8)]
        for writer in writers:
            writer.result()
        done.set()
        for each in background:
            each.result()
    seal_all()
    deliver_due(seconds=30)

    total = len(recorded())
    assert total > 500
    assert sum(batch["events"] for batch in batches()) == total
    assert len(fetch("SELECT FROM outbox_event e JOIN outbox_batch b ON e.id <@ b.ids")) == total
    assert_every_event_is_stored_once(clickhouse)


KILLED_BEFORE_SETTLING = """
    import os, signal, sys
    import django
    from django.conf import settings
    django.setup()
    settings.DATABASES["default"]["NAME"], settings.EVENT_STORE["OPTIONS"]["database"] = sys.argv[1:]
    from outbox import ledger, relay
    ledger.settle = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    relay.deliver_due(seconds=10)
"""


def be_killed_before_settling() -> None:
    """A worker process of its own that dies by SIGKILL after ClickHouse took the batch and before it is settled."""
    worker = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_BEFORE_SETTLING), connection.settings_dict["NAME"],
         settings.EVENT_STORE["OPTIONS"]["database"]],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False, timeout=60,
    )  # fmt: skip
    assert worker.returncode == -signal.SIGKILL


@pytest.mark.parametrize("window", ["kept", "turned off"])
def test_a_worker_killed_between_append_and_settle_leaves_each_event_once(clickhouse, window):
    record(*range(100))
    seal()
    be_killed_before_settling()
    assert len(stored(clickhouse)) == 100
    (batch,) = batches()
    assert (batch["state"], batch["attempts"]) == ("sealed", 1)

    if window == "turned off":
        clickhouse.execute("ALTER TABLE event_log MODIFY SETTING non_replicated_deduplication_window = 0")
    assert deliver_one() == (Outcome.NOTHING_DUE, 0)
    execute("UPDATE outbox_batch SET due_at = now()")
    assert deliver_one() == (Outcome.DELIVERED, 100)

    assert_every_event_is_stored_once(clickhouse)
    assert [row["attempts"] for row in batches()] == [2]


def test_a_payload_of_five_megabytes_and_every_character_arrive_unchanged(clickhouse):
    texts = ["x" * 5 * 2**20, "🎉 \u202e \\ \" ' \n\t\r \x1f \u2028", "", "%s %(a)s {}", "\\N"]
    with transaction.atomic():
        for text in texts:
            EventLogClient.record(Noticed(number=0, text=text))
    seal()
    deliver_due(seconds=30)
    found = clickhouse.execute("SELECT JSONExtractString(event_context, 'text') FROM event_log ORDER BY event_id")
    assert sorted(text for (text,) in found) == sorted(texts)
    assert_every_event_is_stored_once(clickhouse)


def test_two_hundred_thousand_events_are_delivered_and_verified_in_one_sitting(clickhouse):
    execute(
        "INSERT INTO outbox_event (event_id, event_type, occurred_at, environment, context, metadata_version,"
        " actor_id, request_id, trace_context)"
        " SELECT gen_random_uuid(), 'test_noticed', now(), 'test',"
        " '{\"number\":' || n || ',\"text\":\"' || repeat('x', 270) || '\"}', 1, '', '', ''"
        " FROM generate_series(1, 200000) AS n"
    )
    assert seal_all().events == 200_000
    assert deliver_due(seconds=300) == 200_000
    call_command("outbox", "verify")
    assert clickhouse.execute("SELECT count(), uniqExact(event_id) FROM event_log") == [(200_000, 200_000)]


def test_with_a_transaction_held_open_delivery_goes_on_and_rewrites_no_row_of_the_outbox(clickhouse, writer):
    holder = (
        writer().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute("SELECT count(*) FROM users_user")
    )
    before = rewritten()
    for _ in range(20):
        record(*range(500))
        seal()
        deliver_due(seconds=10)
    holder.commit()
    assert rewritten() == before
    assert_every_event_is_stored_once(clickhouse)


def rewritten() -> dict[str, int]:
    """How many rows of the outbox were ever updated or deleted, as PostgreSQL counts them."""
    execute("SELECT pg_stat_force_next_flush()")
    (counted,) = fetch(
        "SELECT sum(pg_stat_get_tuples_updated(inhrelid))::int AS updated,"
        " sum(pg_stat_get_tuples_deleted(inhrelid))::int AS deleted"
        " FROM pg_inherits WHERE inhparent = 'outbox_event'::regclass"
    )
    return counted
