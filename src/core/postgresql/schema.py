"""Changes of the schema that keep nobody waiting: a lock is waited for briefly, or not had.

Whoever waits for a table's lock keeps everybody behind it waiting, and one long transaction (a dump, a report) is
enough to make it wait for hours. So a migration gives up soon, and `manage.py migrate` comes again later.
"""

from typing import Self

from django.db.backends.postgresql import schema

# Writers are held up no longer than this by a migration that waits.
LOCK_TIMEOUT = "500ms"


class SchemaEditor(schema.DatabaseSchemaEditor):
    def __enter__(self) -> Self:
        super().__enter__()
        # One that is not atomic (an index made CONCURRENTLY) is made to wait, and keeps nobody out.
        if self.atomic_migration and not self.collect_sql:
            self.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
        return self
