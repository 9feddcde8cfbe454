"""`manage.py migrate`, one at a time and under load: what cannot have its lock soon gives way, and is tried again."""

import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

from core.management.one_at_a_time import one_at_a_time, title
from core.management.unavailable import told_in_a_line

# Much longer than a lock is waited for (see core.postgresql.schema), so that writers are hardly held up.
_PAUSE_SECONDS = 5.0
_ATTEMPTS = 60

# Whoever has been in a transaction for long is most likely in the way; our own turn's has no lock of a table.
_LONGEST_TRANSACTIONS = """
    SELECT format('pid %%s (%%s, %%s) for %%s s', pid, usename, application_name,
        extract(epoch FROM statement_timestamp() - xact_start)::int)
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
        AND NOT application_name = ANY (%s)
    ORDER BY xact_start
    LIMIT 3
"""


class Command(migrate.Command):
    def execute(self, *args: Any, **options: Any) -> Any:
        """Checks included, which are made before `handle` and ask the database as well."""
        with told_in_a_line():
            return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)  # it only looks
            return
        with one_at_a_time("migrate", say=self.stderr.write, database=options["database"]):
            self._come_again_until_done(*args, **options)

    def _come_again_until_done(self, *args: Any, **options: Any) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                super().handle(*args, **options)
                return
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
            self._say_who_is_in_the_way(attempt, database=options["database"])
            time.sleep(_PAUSE_SECONDS)
        raise CommandError(
            "a lock could not be had; the migrations before it are applied, and it has changed nothing unless it is "
            "not atomic: see who is in the way, and try again",
            returncode=3,
        )

    def _say_who_is_in_the_way(self, attempt: int, *, database: str) -> None:
        with connections[database].cursor() as cursor:
            cursor.execute(_LONGEST_TRANSACTIONS, [[title("migrate"), title("install")]])
            longest = ", ".join(row[0] for row in cursor.fetchall()) or "nobody now"
        self.stderr.write(
            f"\na migration waits for a lock, attempt {attempt} of {_ATTEMPTS}; longest in a transaction: {longest}"
        )
