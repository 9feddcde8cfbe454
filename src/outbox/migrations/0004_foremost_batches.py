from pathlib import Path

from django.db import migrations

_CREATE = Path(__file__).with_suffix(".sql").read_text()
# Before it is created, too: an attempt that was broken off leaves one that is good for nothing.
_DROP = "DROP INDEX CONCURRENTLY IF EXISTS outbox_batch_foremost"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("outbox", "0003_reconciliation")]
    operations = [migrations.RunSQL([_DROP, _CREATE], _DROP)]
