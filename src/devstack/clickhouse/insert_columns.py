"""Which columns an INSERT takes: a server tells the client before it sends rows, so that it knows their types."""

from typing import Final

from devstack.clickhouse.blocks import Column
from devstack.clickhouse.engine import EngineSession
from devstack.clickhouse.insert_statement import Insert

# Without a list of columns those that are computed, or never stored, are not asked for.
ORDINARY: Final = frozenset({"", "DEFAULT"})


def columns_to_insert(session: EngineSession, statement: Insert) -> list[Column]:
    """Raises ServerError if there is no such table or column."""
    described = session.columns(statement.target)
    if statement.columns in {None, "*"}:
        return [column for column, default in described if default in ORDINARY]
    names = statement.column_names
    known = {column.name: column for column, _ in described}
    if names is not None and all(name in known for name in names):
        return [known[name] for name in names]
    # EXCEPT and the like, or a name that does not exist: the engine knows what to make of it. It reads the client's
    # words, but the client may run any statement anyway.
    selection = f"(SELECT {statement.columns} FROM {statement.target})"  # noqa: S608
    return [column for column, _ in session.columns(selection)]
