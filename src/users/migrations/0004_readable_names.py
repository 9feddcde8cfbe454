"""Names are held against users.names; nothing changes in the database."""

from django.db import migrations, models

import users.names


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0003_sessions_and_letters"),
    ]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="first_name",
            field=models.CharField(blank=True, max_length=150, validators=[users.names.demand_readable]),
        ),
        migrations.AlterField(
            model_name="user",
            name="last_name",
            field=models.CharField(blank=True, max_length=150, validators=[users.names.demand_readable]),
        ),
    ]
