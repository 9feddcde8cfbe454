"""Select 1000 through the ORM, insert, delete by ids: the commonest relay of all.

Chosen in its favour: no locks (so one worker only), one INSERT for a thousand rows, a delete of one statement (the
model has no relations or signals), the client's check of types off.
"""

from uuid import uuid4

from bench.baselines import tables

TABLE = "bench_orm_delete"
_BATCH = 1000


class QueuedEvent(tables.QueuedEvent):
    class Meta(tables.QueuedEvent.Meta):
        db_table = TABLE


def prepare() -> None:
    tables.create(TABLE)


def fill(events: int) -> None:
    tables.fill(TABLE, events)


def add(events: int) -> None:
    tables.add(TABLE, events)


def begin() -> None:
    """Nothing comes first."""


def drain() -> None:
    insert, client = tables.INSERT.format(table=TABLE), tables.client()
    while queued := list(QueuedEvent.objects.order_by("id")[:_BATCH]):
        batch_id = uuid4()
        client.execute(insert, [event.as_stored(batch_id) for event in queued])
        QueuedEvent.objects.filter(pk__in=[event.pk for event in queued]).delete()


def arrived() -> int:
    return tables.arrived(TABLE)
