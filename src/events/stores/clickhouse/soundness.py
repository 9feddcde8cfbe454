"""Looks whether event_log is set up so that nothing can be lost or doubled, before the first append."""

import re
from collections.abc import Mapping

from events.store import StoreMisconfigured
from events.stores.clickhouse import migrator
from events.stores.clickhouse.connection import DrainingConnection
from events.stores.clickhouse.layout import COLUMNS, Layout
from events.stores.clickhouse.sql import statement

_MIGRATE = "run `manage.py migrate_event_store`"


async def check(connection: DrainingConnection, *, layout: Layout) -> None:
    """Pass if a batch would be kept once. Raises StoreMisconfigured, which says what is wrong and how to mend it."""
    rows = await connection.execute(statement("tables", **layout.values()))
    tables = {name: (engine, definition) for name, engine, definition in rows}
    _demand_tables(tables, layout=layout)
    await _demand_migrations(connection, layout=layout)
    _demand_engines(tables, layout=layout)
    _demand_windows(tables, layout=layout)
    await _demand_columns(connection, layout=layout)


def _demand_tables(tables: Mapping[str, object], *, layout: Layout) -> None:
    for name in ("event_log_migrations", layout.local_table, "event_log"):
        if name not in tables:
            raise StoreMisconfigured(reason=f"there is no table {layout.database}.{name}: {_MIGRATE}")


async def _demand_migrations(connection: DrainingConnection, *, layout: Layout) -> None:
    so_far = await migrator.applied(connection, layout=layout)
    missing = [migration.name for migration in migrator.migrations(cluster=bool(layout.cluster))]
    missing = [name for name in missing if name not in so_far]
    # Unknown ones are no fault: while a release rolls out, the old workers go on.
    if missing:
        raise StoreMisconfigured(reason=f"{', '.join(missing)} not applied yet: {_MIGRATE}")


def _demand_engines(tables: Mapping[str, tuple[str, str]], *, layout: Layout) -> None:
    local, front = tables[layout.local_table][0], tables["event_log"][0]
    if not local.endswith("ReplacingMergeTree"):
        raise StoreMisconfigured(
            reason=f"{layout.local_table} is a {local} and must be a (Replicated)ReplacingMergeTree: "
            f"rename it, {_MIGRATE} and copy its rows over"
        )
    if layout.cluster and front != "Distributed":
        raise StoreMisconfigured(
            reason=f"event_log is a {front}, but with a cluster it must be Distributed over event_log_local: "
            f"rename it, forget 0002 in event_log_migrations, {_MIGRATE} and copy its rows over"
        )


def _demand_windows(tables: Mapping[str, tuple[str, str]], *, layout: Layout) -> None:
    """Without a window the engine takes a repeated batch for a new one."""
    engine, definition = tables[layout.local_table]
    plain = engine == "ReplacingMergeTree"
    wanted = ["non_replicated_deduplication_window"] if plain else [
        "replicated_deduplication_window", "replicated_deduplication_window_seconds",
    ]  # fmt: skip
    for setting in wanted:
        found = re.search(rf"\b{setting} = '?(\d+)", definition)
        if found is None or int(found[1]) == 0:
            raise StoreMisconfigured(
                reason=f"{layout.local_table} has {setting} {'unset' if found is None else 'off'}, so a batch could "
                f"be kept twice: ALTER TABLE {layout.database}.{layout.local_table} MODIFY SETTING {setting} = "
                f"{604800 if setting.endswith('seconds') else 10000}"
            )


async def _demand_columns(connection: DrainingConnection, *, layout: Layout) -> None:
    present = dict(await connection.execute(statement("columns", **layout.values())))
    wrong = [
        f"{name} is {present.get(name, 'missing')} and must be {kind}"
        for name, kind in COLUMNS.items()
        if present.get(name) != kind
    ]
    if wrong:
        raise StoreMisconfigured(reason=f"columns of event_log: {'; '.join(wrong)}")
