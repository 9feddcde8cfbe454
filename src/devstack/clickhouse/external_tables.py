"""External tables: rows that come along with a query are temporary tables of its session while it runs."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.clickhouse.engine import EngineSession, quoted_name
from devstack.clickhouse.incoming import ExternalTable


@contextmanager
def temporary_tables(session: EngineSession, tables: Iterable[ExternalTable], *, folder: Path) -> Iterator[None]:
    made: list[str] = []
    try:
        for table in tables:
            name = quoted_name(table.name)
            columns = ", ".join(f"{quoted_name(column.name)} {column.type}" for column in table.columns)
            session.run(f"CREATE TEMPORARY TABLE {name} ({columns}) ENGINE = Memory")
            made.append(name)
            _load(session, name, table, folder=folder)
        yield
    finally:
        for name in made:
            session.run(f"DROP TEMPORARY TABLE IF EXISTS {name}")


def _load(session: EngineSession, name: str, table: ExternalTable, *, folder: Path) -> None:
    if not table.body:
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(table.body)
        file.flush()
        session.insert(f"INSERT INTO {name}", file, settings="", data_format="Native")
