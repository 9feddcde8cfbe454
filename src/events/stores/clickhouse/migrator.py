"""Brings event_log's tables up to date: numbered `.sql` files, each applied once and never changed afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template

from events.store import StoreMisconfigured
from events.stores.clickhouse.connection import DrainingConnection
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.retention import keep_for
from events.stores.clickhouse.sql import statement, without_purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file, one statement. Those ending in `.cluster.sql` are for clusters only."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        return sha256(self.text.encode()).hexdigest()

    def sql(self, layout: Layout) -> str:
        return Template(without_purpose(self.text)).substitute(layout.values())


async def migrate(connection: DrainingConnection, *, layout: Layout, retention_days: int) -> list[str]:
    """Create the database, apply what is missing, set the retention; the names that were applied now.

    Two processes may do this at once: every statement can be repeated. Raises MigrationChanged or MigrationUnknown.
    """
    names = layout.values()
    await connection.execute(statement("create_database", **names))
    await connection.execute(statement("create_migrations", **names))
    so_far = await applied(connection, layout=layout)
    missing = pending(so_far if await _stands(connection, layout=layout) else {}, layout=layout)
    for migration in missing:
        await connection.execute(migration.sql(layout))
        await connection.execute(statement("note_migration", **names), [(migration.name, migration.checksum)])
    await keep_for(retention_days, connection=connection, layout=layout)
    return [migration.name for migration in missing]


async def _stands(connection: DrainingConnection, *, layout: Layout) -> bool:
    """Whether the tables that the notes speak of are there: somebody may have dropped them."""
    there = {name for name, _, _ in await connection.execute(statement("tables", **layout.values()))}
    return {"event_log", layout.local_table} <= there


async def plan(connection: DrainingConnection, *, layout: Layout) -> list[str]:
    """The names that `migrate` would apply; changes nothing."""
    tables = await connection.execute(statement("tables", **layout.values()))
    begun = any(name == "event_log_migrations" for name, _, _ in tables)
    so_far = await applied(connection, layout=layout) if begun else {}
    return [migration.name for migration in pending(so_far, layout=layout)]


async def applied(connection: DrainingConnection, *, layout: Layout) -> dict[str, str]:
    """Name and checksum of what has been applied."""
    return dict(await connection.execute(statement("applied", **layout.values())))


def pending(so_far: Mapping[str, str], *, layout: Layout) -> list[Migration]:
    """What is still to be applied, in order. Raises MigrationChanged or MigrationUnknown."""
    ours = migrations(cluster=bool(layout.cluster))
    if strangers := so_far.keys() - {migration.name for migration in migrations(cluster=True)}:
        raise MigrationUnknown(reason=f"this version does not know its migrations {', '.join(sorted(strangers))}")
    for migration in ours:
        if so_far.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationChanged(reason=f"migration {migration.name} is not the one that was applied")
    return [migration for migration in ours if migration.name not in so_far]


@cache
def migrations(*, cluster: bool) -> list[Migration]:
    """The files in the order of their numbers."""
    folder = files(__package__).joinpath("migrations")
    texts = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".sql")}
    return [
        Migration(name=name, text=texts[name])
        for name in sorted(texts)
        if cluster or not name.endswith(".cluster.sql")
    ]  # fmt: skip


class MigrationChanged(StoreMisconfigured):
    """The event store cannot be migrated: {reason}. Restore the file, and put the change into a new one."""


class MigrationUnknown(StoreMisconfigured):
    """The event store is newer than this program: {reason}. Deploy the version that brought them."""
