from pathlib import Path

from django.db import migrations

_CHANGE = Path(__file__).with_suffix(".sql").read_text()
_BACK = """
    DROP FUNCTION outbox_batched(), outbox_same_history(), outbox_timeline();
    ALTER TABLE outbox_cursor
        DROP COLUMN timeline, DROP COLUMN adopting_since, DROP COLUMN adopt_at, DROP COLUMN adopted, DROP COLUMN rebase
"""


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_outbox")]
    operations = [migrations.RunSQL(_CHANGE, _BACK)]
