"""What writers, workers and the clock do in the model's histories, in steps that go the same way every time."""

import random
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from django.db import transaction

from outbox import relay
from outbox.client import EventLogClient
from outbox.relay import Outcome
from tests.chaos.unreliable_store import Trouble, Visit, WorkerDied, visit
from tests.integration.outbox.conftest import FRESH_CURSOR, Noticed, execute, fetch

POISON = "poison"
_LONG_AGO = """
    INSERT INTO outbox_event (
        slot, event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id,
        trace_context
    )
    SELECT ((extract(epoch FROM now()) / 86400)::bigint - 3) %% 8, gen_random_uuid(), 'test_noticed',
        now() - interval '3 days', 'test', '{}', 1, '', '', ''
    FROM generate_series(1, %s)
"""


def empty_the_outbox() -> None:
    execute("TRUNCATE outbox_event, outbox_batch, outbox_quarantine")
    execute(FRESH_CURSOR)


class ChangeOfMind(Exception):
    """Rolls back to a savepoint."""


def record(count: int, *, poisoned: int) -> None:
    """Record so many events, the first of them poisoned, in a transaction that is rolled back in part."""
    with transaction.atomic():
        EventLogClient.record_many([Noticed(number=n, text=POISON * (n < poisoned)) for n in range(count)])
        with suppress(ChangeOfMind), transaction.atomic():
            EventLogClient.record(Noticed(number=count))
            raise ChangeOfMind


def record_long_ago(count: int) -> None:
    """Record events as they were three days ago, in the slot of that day."""
    execute(_LONG_AGO, count)


def deliver_one(trouble: Trouble) -> Outcome | None:
    """How a worker's attempt ended that met this trouble; None if it died."""
    order_what_is_due()
    token = visit.set(Visit(trouble))
    try:
        return relay.deliver_one()[0]
    except WorkerDied:
        return None
    finally:
        visit.reset(token)


def let_leases_and_backoffs_run_out() -> None:
    execute("UPDATE outbox_batch SET due_at = now() WHERE state = 'sealed'")


def order_what_is_due() -> None:
    """The same history must go the same way when hypothesis tries it again."""
    execute("UPDATE outbox_batch SET due_at = '2000-01-01'::date + lower(ids) * interval '1 s' WHERE due_at <= now()")


def some_batches(state: str, *, seed: int) -> Sequence[UUID]:
    """About half of the batches in this state, as the dice fall."""
    found = fetch("SELECT batch_id FROM outbox_batch WHERE state = %s ORDER BY sealed_at, lower(ids)", state)
    dice = random.Random(seed)
    return [row["batch_id"] for row in found if dice.random() < 0.5]
