from pathlib import Path

from django.db import migrations, models

_CREATE = Path(__file__).with_suffix(".sql").read_text()
_DROP = "DROP TABLE outbox_cursor, outbox_quarantine, outbox_batch, outbox_event"


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(
            _CREATE,
            _DROP,
            state_operations=[
                migrations.CreateModel(
                    name="OutboxEvent",
                    fields=[
                        ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("slot", models.SmallIntegerField()),
                        ("event_id", models.UUIDField()),
                        ("event_type", models.TextField()),
                        ("occurred_at", models.DateTimeField()),
                        ("environment", models.TextField()),
                        ("context", models.TextField()),
                        ("metadata_version", models.SmallIntegerField()),
                        ("actor_id", models.TextField()),
                        ("request_id", models.TextField()),
                        ("trace_context", models.TextField()),
                    ],
                    options={"db_table": "outbox_event", "managed": False, "ordering": ("id",)},
                ),
                migrations.CreateModel(
                    name="OutboxBatch",
                    fields=[
                        ("batch_id", models.UUIDField(primary_key=True, serialize=False)),
                        ("parent_id", models.UUIDField(null=True)),
                        ("state", models.TextField()),
                        ("events", models.IntegerField()),
                        ("bytes", models.BigIntegerField()),
                        ("month", models.DateField()),
                        ("sealed_at", models.DateTimeField()),
                        ("due_at", models.DateTimeField()),
                        ("attempts", models.IntegerField()),
                        ("owner", models.TextField(null=True)),
                        ("fence", models.BigIntegerField()),
                        ("replays", models.IntegerField()),
                        ("reason", models.TextField(null=True)),
                        ("delivered_at", models.DateTimeField(null=True)),
                        ("checksum", models.DecimalField(max_digits=20, decimal_places=0, null=True)),
                    ],
                    options={
                        "db_table": "outbox_batch",
                        "managed": False,
                        "ordering": ("sealed_at", "batch_id"),
                        "verbose_name_plural": "outbox batches",
                    },
                ),
            ],
        )
    ]
