"""The event log's tables are made by numbered files, each applied once."""

import asyncio
import re
from string import Template
from typing import Any

import pytest

from events.store import StoreMisconfigured
from events.stores.clickhouse import migrator
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.migrator import Migration, MigrationChanged, MigrationUnknown
from events.stores.clickhouse.sql import statement
from tests.contracts.batches import batch
from tests.integration.event_store.clickhouse import execute

pytestmark = pytest.mark.asyncio

FIRST = "0001_event_log.sql"
AWKWARD = Layout(database="my-d'a`t\\a", cluster="my-c`luster")


@pytest.fixture
def files(monkeypatch):
    """The migrations, to be added to or changed."""
    present = list(migrator.migrations(cluster=False))
    monkeypatch.setattr(migrator, "migrations", lambda *, cluster: present)
    return present


async def about_event_log(columns: str, database: str) -> Any:
    return await execute(f"SELECT {columns} FROM system.tables WHERE database = '{database}' AND name = 'event_log'")


async def test_an_empty_server_is_migrated_once(stores, new_database):
    store = stores(database=new_database)
    assert await store.plan() == [FIRST]
    assert await store.migrate() == [FIRST]
    assert await store.plan() == []
    assert await store.migrate() == []
    await store.check()
    applied = await execute(f"SELECT name, checksum FROM {new_database}.event_log_migrations")
    assert applied == [(FIRST, migrator.migrations(cluster=False)[0].checksum)]


async def test_a_plan_changes_nothing(stores, new_database):
    await stores(database=new_database).plan()
    assert await execute(f"SELECT count() FROM system.databases WHERE name = '{new_database}'") == [(0,)]


async def test_several_processes_may_migrate_at_once(stores, new_database):
    each = await asyncio.gather(*(stores(database=new_database).migrate() for _ in range(4)))
    assert all(applied in ([], [FIRST]) for applied in each)
    assert [FIRST] in each
    store = stores(database=new_database)
    assert await store.migrate() == []
    await store.append(batch())


async def test_migrating_again_waits_for_no_merge_holds_up_no_batch_and_tears_none(stores, database):
    """Merges are stopped here: a migration that waits for old parts to be rewritten would never end."""
    migrating, appending, sent = stores(database=database), stores(database=database), []

    async def append() -> None:
        for _ in range(15):
            sent.append(batch(rows=200))
            await appending.append(sent[-1])

    async def migrate() -> None:
        for days in (0, 30, 400):
            assert await stores(database=database, retention_days=days).migrate() == []
        assert await migrating.migrate() == []

    await asyncio.gather(append(), migrate(), append())
    digests = await appending.digests([each.batch_id for each in sent])
    assert [(digests[each.batch_id].rows, digests[each.batch_id].events) for each in sent] == [(200, 200)] * 30


async def test_a_new_file_is_applied_to_a_table_with_rows(stores, database, files):
    store, whole = stores(database=database), batch()
    await store.append(whole)
    files.append(
        Migration(name="0002_more.sql", text="-- More.\nALTER TABLE ${local_table} ADD COLUMN IF NOT EXISTS x Int8")
    )
    with pytest.raises(StoreMisconfigured, match=r"0002_more.sql not applied yet"):
        await store.check()
    assert await store.plan() == ["0002_more.sql"]
    assert await store.migrate() == ["0002_more.sql"]
    await store.check()
    assert len(await store.stored(whole.batch_id)) == 3


async def test_a_file_that_fails_is_not_noted_and_is_applied_when_mended(stores, database, files):
    store = stores(database=database)
    files.append(Migration(name="0002_more.sql", text="ALTER TABLE ${local_table} ADD COLUMN x NoSuchType"))
    with pytest.raises(StoreMisconfigured):
        await store.migrate()
    files[-1] = Migration(name="0002_more.sql", text="ALTER TABLE ${local_table} ADD COLUMN x Int8")
    assert await store.migrate() == ["0002_more.sql"]


async def test_a_file_that_changed_after_it_was_applied_is_refused(stores, database, files):
    files[0] = Migration(name=FIRST, text=files[0].text + " ")
    for act in (stores(database=database).migrate, stores(database=database).plan):
        with pytest.raises(MigrationChanged, match=f"{FIRST} is not the one that was applied. Restore the file"):
            await act()


async def test_a_store_that_is_ahead_of_the_program_is_refused(stores, database):
    await execute(f"INSERT INTO {database}.event_log_migrations (name, checksum) VALUES", [("9999_x.sql", "x")])
    with pytest.raises(MigrationUnknown, match=r"does not know its migrations 9999_x.sql. Deploy the version"):
        await stores(database=database).migrate()


async def test_the_table_is_as_analysts_and_the_relay_need_it(stores, database):
    columns = await execute(
        f"SELECT name, comment FROM system.columns WHERE database = '{database}' AND table = 'event_log'"
    )
    assert all(comment for _, comment in columns)
    assert {"event_type", "event_date_time", "environment", "event_context", "metadata_version"} <= dict(columns).keys()
    [(partition, order, definition)] = await about_event_log("partition_key, sorting_key, engine_full", database)
    assert partition == "toYYYYMM(event_date_time)"
    assert order == "event_type, event_date_time, event_id"
    for window in ("non_replicated_deduplication_window", "replicated_deduplication_window_seconds"):
        assert re.search(rf"\b{window} = [1-9]", definition)


class TestRetention:
    async def ttl(self, database: str) -> str | None:
        [(definition,)] = await about_event_log("engine_full", database)
        found = re.search(r"TTL (.*?) SETTINGS", definition)
        return found[1] if found else None

    async def test_events_are_kept_for_ever_unless_it_is_said(self, stores, database):
        await stores(database=database).migrate()
        assert await self.ttl(database) is None

    async def test_a_retention_can_be_set_and_changed_and_stays_when_none_is_given(self, stores, database):
        for days in (30, 30, 400):
            await stores(database=database, retention_days=days).migrate()
            assert await self.ttl(database) == f"event_date_time + toIntervalDay({days})"
        await stores(database=database).migrate()
        assert await self.ttl(database) == "event_date_time + toIntervalDay(400)"

    async def test_the_same_retention_is_not_applied_again(self, stores, database):
        async def versions() -> Any:
            return await about_event_log("metadata_modification_time", database)

        await stores(database=database, retention_days=30).migrate()
        before = await versions()
        await asyncio.sleep(1.1)  # the engine notes the time in seconds
        await stores(database=database, retention_days=30).migrate()
        assert await versions() == before

    async def test_events_that_are_there_already_follow_a_new_retention(self, stores, new_database):
        store = stores(database=new_database)
        await store.migrate()
        await store.append(batch(occurred_us=0))
        await stores(database=new_database, retention_days=30).migrate()
        async with asyncio.timeout(30):
            while await execute(f"SELECT count() FROM {new_database}.event_log") != [(0,)]:  # noqa: ASYNC110 -- the engine tells nobody
                await asyncio.sleep(0.1)

    async def test_a_ttl_made_by_hand_is_left_alone(self, stores, database):
        for by_hand in ("event_date_time + toIntervalYear(7)", "event_date_time + toIntervalDay(400)"):
            await execute(f"ALTER TABLE {database}.event_log MODIFY TTL {by_hand}")
            await stores(database=database, retention_days=0).migrate()
            assert await self.ttl(database) == by_hand


class TestOnACluster:
    """No cluster runs here; the engine says at least that it understands the statements, and we what they say."""

    @pytest.mark.parametrize("layout", [Layout(database="d", cluster="c"), AWKWARD], ids=["plain", "awkward"])
    async def test_the_engine_parses_every_statement(self, layout):
        names = layout.values()
        statements = [migration.sql(layout) for migration in migrator.migrations(cluster=True)]
        statements += [statement(name, **names) for name in ("create_database", "create_migrations")]
        statements += [statement("set_retention", days="30", **names), statement("apply_retention", **names)]
        for text in statements:
            assert await execute(f"EXPLAIN AST {text}")
            assert f"ON CLUSTER {names['cluster']}" in text

    async def test_a_batch_goes_to_one_shard_of_replicated_tables_as_a_whole(self):
        local, front = (
            migration.sql(Layout(database="d", cluster="c")) for migration in migrator.migrations(cluster=True)
        )
        assert "CREATE TABLE IF NOT EXISTS `d`.event_log_local ON CLUSTER `c`" in local
        assert "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/d/event_log_local', '{replica}')" in local
        assert "CREATE TABLE IF NOT EXISTS `d`.event_log ON CLUSTER `c`" in front
        assert "Distributed(`c`, `d`, 'event_log_local', cityHash64(batch_id))" in front

    async def test_one_node_gets_no_distributed_table_and_no_cluster(self):
        only = migrator.migrations(cluster=False)
        assert [migration.name for migration in only] == [FIRST]
        text = only[0].sql(Layout(database="d", cluster=""))
        assert "CLUSTER" not in text
        assert "ENGINE = ReplacingMergeTree\n" in text

    async def test_both_lay_out_the_same_columns(self):
        texts = [migrator.migrations(cluster=True)[0].sql(Layout(database="d", cluster=name)) for name in ("", "c")]
        assert len({text.partition("\n(")[2].partition("ENGINE")[0] for text in texts}) == 1


async def test_files_are_numbered_and_say_their_purpose():
    files = migrator.migrations(cluster=True)
    assert [int(migration.name[:4]) for migration in files] == list(range(1, len(files) + 1))
    for migration in files:
        assert migration.text.startswith("-- ")
        assert Template(migration.text).is_valid()
