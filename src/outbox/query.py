"""Runs the statements of `outbox.sql` on Django's connection; rows come back with their columns' names."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

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


def changed(name: str, /, **parameters: Any) -> int:
    """How many rows `<name>.sql` wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement(name), parameters)
        return int(cursor.rowcount)
