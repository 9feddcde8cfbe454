"""Runs the statements of `outbox.sql` on Django's connection; rows come back with their columns' names."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection
from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.types.numeric import Int8BinaryLoader

from outbox.sql import statement


def rows(name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
    """All rows of `<name>.sql`."""
    with connection.cursor() as cursor:
        cursor.execute(statement(name), parameters)
        return list(cursor.fetchall())


def records(name: str, /, **parameters: Any) -> Iterator[Mapping[str, Any]]:
    """All rows of `<name>.sql`, each by its columns' names."""
    with connection.cursor() as cursor:
        cursor.execute(statement(name), parameters)
        names = [column.name for column in cursor.description]
        for row in cursor.fetchall():
            yield dict(zip(names, row, strict=True))


def record(name: str, /, **parameters: Any) -> Mapping[str, Any] | None:
    """The first row of `<name>.sql`, or None."""
    return next(records(name, **parameters), None)


def arrays(name: str, /, **parameters: Any) -> Mapping[str, list[Any]] | None:
    """The only row of `<name>.sql`, arrays all of it, or None.

    In PostgreSQL's binary format, which Django's own cursors cannot ask for: half the processor time for much data.
    Moments come as it keeps them, in microseconds since 2000.
    Django's checks of a connection come with a cursor of its own; its log of queries and its wrappers do not see this.
    """
    connection.validate_no_broken_transaction()
    with connection.cursor():
        pass
    with connection.wrap_database_errors, Cursor(connection.connection, row_factory=dict_row) as cursor:
        cursor.adapters.register_loader("timestamptz", Int8BinaryLoader)
        return cursor.execute(statement(name), parameters, binary=True).fetchone()


def changed(name: str, /, **parameters: Any) -> int:
    """How many rows `<name>.sql` wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement(name), parameters)
        return int(cursor.rowcount)
