"""One row, one send, as django-outbox-pattern does: read what is due through the ORM, send each, save its status.

Chosen in its favour: only the status is saved, not the whole row; an index on what is due; nothing is printed for each
message. An INSERT of one row is synchronous: under ClickHouse's asynchronous inserts each would wait for the next flush
(up to 200 ms), and not waiting means not knowing.
"""

from uuid import uuid4

from django.db import models

from bench.baselines import tables

TABLE = "bench_one_by_one"
_CHUNK = 200


class Status(models.IntegerChoices):
    SCHEDULED = 1
    SENT = 2


class ScheduledEvent(tables.QueuedEvent):
    status = models.SmallIntegerField(choices=Status, default=Status.SCHEDULED)

    class Meta(tables.QueuedEvent.Meta):
        db_table = TABLE


def prepare() -> None:
    tables.create(
        TABLE,
        f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS status smallint NOT NULL DEFAULT {Status.SCHEDULED}",
        f"CREATE INDEX IF NOT EXISTS {TABLE}_due ON {TABLE} (id) WHERE status = {Status.SCHEDULED}",
    )


def fill(events: int) -> None:
    tables.fill(TABLE, events)


def add(events: int) -> None:
    tables.add(TABLE, events)


def begin() -> None:
    """Nothing comes first."""


def drain() -> None:
    insert, client = tables.INSERT.format(table=TABLE), tables.client()
    due = ScheduledEvent.objects.filter(status=Status.SCHEDULED).order_by("id")
    for event in due.iterator(chunk_size=_CHUNK):
        client.execute(insert, [event.as_stored(uuid4())])
        event.status = Status.SENT
        event.save(update_fields=["status"])


def arrived() -> int:
    return tables.arrived(TABLE)
