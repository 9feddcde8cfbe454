from pathlib import Path

from django.db import migrations

_CHANGE = Path(__file__).with_suffix(".sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("outbox", "0002_history")]
    operations = [migrations.RunSQL(_CHANGE, "DROP TABLE outbox_reconciliation")]
