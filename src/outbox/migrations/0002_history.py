from pathlib import Path

from django.db import migrations

_CHANGE = Path(__file__).with_suffix(".sql").read_text()
_BACK = "ALTER TABLE outbox_cursor DROP COLUMN timeline, DROP COLUMN adopt; DROP FUNCTION outbox_timeline()"


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_outbox")]
    operations = [migrations.RunSQL(_CHANGE, _BACK)]
