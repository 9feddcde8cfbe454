from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    dependencies = [("outbox", "0001_outbox")]
    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[],
            options={"proxy": True, "default_permissions": ("view",), "indexes": [], "constraints": []},
            bases=("outbox.outboxevent",),
        )
    ]
