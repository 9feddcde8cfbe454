"""Read-only views of the outbox and its ledger for Django's ORM. The tables are made in SQL, see migrations/."""

from django.db import models


class OutboxEvent(models.Model):
    """A recorded event. Written by `EventLogClient` alone, never updated, never deleted."""

    id = models.BigIntegerField(primary_key=True)
    slot = models.SmallIntegerField()
    event_id = models.UUIDField()
    event_type = models.TextField()
    occurred_at = models.DateTimeField()
    environment = models.TextField()
    context = models.TextField()
    metadata_version = models.SmallIntegerField()
    actor_id = models.TextField()
    request_id = models.TextField()
    trace_context = models.TextField()

    class Meta:
        db_table = "outbox_event"
        managed = False
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"


class OutboxBatch(models.Model):
    """A ledger entry. Written by the SQL of `sealing` and `ledger` alone."""

    batch_id = models.UUIDField(primary_key=True)
    parent_id = models.UUIDField(null=True)
    state = models.TextField()
    events = models.IntegerField()
    bytes = models.BigIntegerField()
    month = models.DateField()
    sealed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.IntegerField()
    owner = models.TextField(null=True)  # noqa: DJ001 -- the column is NULL while nobody has the batch
    fence = models.BigIntegerField()
    replays = models.IntegerField()
    reason = models.TextField(null=True)  # noqa: DJ001 -- NULL until an attempt has failed
    delivered_at = models.DateTimeField(null=True)
    checksum = models.DecimalField(max_digits=20, decimal_places=0, null=True)

    class Meta:
        db_table = "outbox_batch"
        managed = False
        ordering = ("sealed_at", "batch_id")
        verbose_name_plural = "outbox batches"

    def __str__(self) -> str:
        return f"{self.batch_id} ({self.state})"
