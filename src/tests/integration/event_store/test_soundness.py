"""The tables are looked over before the first append; what is wrong is named, with the way to mend it."""

import re
from dataclasses import replace

import pytest

from events.store import StoreMisconfigured
from events.stores.clickhouse import soundness
from events.stores.clickhouse.layout import COLUMNS, Layout
from tests.contracts.batches import batch
from tests.integration.event_store.clickhouse import execute

pytestmark = pytest.mark.asyncio

WITHOUT_A_WINDOW = "ALTER TABLE {database}.event_log MODIFY SETTING non_replicated_deduplication_window = 0"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (WITHOUT_A_WINDOW, "non_replicated_deduplication_window off"),
        (
            "ALTER TABLE {database}.event_log RESET SETTING non_replicated_deduplication_window",
            "deduplication_window unset",
        ),
        ("ALTER TABLE {database}.event_log DROP COLUMN span_id", "span_id is missing and must be String"),
        (
            "ALTER TABLE {database}.event_log MODIFY COLUMN actor_id LowCardinality(String)",
            "actor_id is LowCardinality",
        ),
        ("DROP TABLE {database}.event_log SYNC", "no table .*event_log: run `manage.py migrate_event_store`"),
        ("DROP TABLE {database}.event_log_migrations SYNC", "no table .*event_log_migrations: run `manage.py"),
        ("TRUNCATE TABLE {database}.event_log_migrations", "0001_event_log.sql not applied yet: run `manage.py"),
    ],
)
async def test_what_is_wrong_is_found_and_keeps_batches_back(stores, database, change, finding):
    store = stores(database=database)
    await store.check()
    if "actor_id" in change:
        await execute(f"ALTER TABLE {database}.event_log DROP INDEX by_actor_id")
    await execute(change.format(database=database))
    with pytest.raises(StoreMisconfigured, match=finding):
        await store.check()
    with pytest.raises(StoreMisconfigured, match=finding):
        await stores(database=database).append(batch())


async def test_a_table_of_another_engine_is_found(stores, database):
    await execute(f"RENAME TABLE {database}.event_log TO {database}.old")
    await execute(f"CREATE TABLE {database}.event_log AS {database}.old ENGINE = MergeTree ORDER BY event_id")
    with pytest.raises(StoreMisconfigured, match=r"event_log is a MergeTree and must be a \(Replicated\)Replacing"):
        await stores(database=database).check()


async def test_more_columns_than_ours_are_welcome(stores, database):
    await execute(
        f"ALTER TABLE {database}.event_log ADD COLUMN email String "
        "MATERIALIZED JSONExtractString(event_context, 'email')"
    )
    store = stores(database=database)
    await store.append(batch(context='{"email":"a@example.org"}'))
    assert await execute(f"SELECT DISTINCT email FROM {database}.event_log") == [("a@example.org",)]


async def test_migrations_of_a_newer_release_keep_nothing_back(stores, database):
    await execute(f"INSERT INTO {database}.event_log_migrations (name, checksum) VALUES", [("9999_x.sql", "x")])
    await stores(database=database).append(batch())


async def test_the_remedy_that_is_named_heals(stores, database):
    await execute(WITHOUT_A_WINDOW.format(database=database))
    store, whole = stores(database=database), batch()
    with pytest.raises(StoreMisconfigured) as caught:
        await store.append(whole)
    remedy = re.search(r"ALTER TABLE .* = \d+", str(caught.value))
    assert remedy is not None
    await execute(remedy[0])
    await store.append(whole)
    assert len(await store.stored(whole.batch_id)) == 3


async def test_a_store_that_was_found_sound_is_not_asked_again(stores, database):
    store, first, second = stores(database=database), batch(), batch()
    await store.append(first)
    await execute(WITHOUT_A_WINDOW.format(database=database))
    await store.append(second)
    assert len(await store.digests([first.batch_id, second.batch_id])) == 2


async def test_reading_asks_for_no_windows(stores, database):
    """A worker that starts with the window off must still be able to ask for a batch that is in doubt."""
    whole = batch()
    await stores(database=database).append(whole)
    await execute(WITHOUT_A_WINDOW.format(database=database))
    store = stores(database=database)
    assert len(await store.stored(whole.batch_id)) == 3
    await store.append(whole.without(set(await store.stored(whole.batch_id))))


class TestOnACluster:
    """No cluster runs here, so its tables are described by a connection that answers as one would."""

    layout = Layout(database="d", cluster="c")
    settings = "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800"
    engine = "ReplicatedReplacingMergeTree"

    async def check(self, local: str, definition: str, front: str = "Distributed") -> None:
        tables = [
            ("event_log_migrations", "ReplicatedMergeTree", ""),
            ("event_log_local", local, definition),
            ("event_log", front, ""),
        ]
        applied = [("0001_event_log.sql", "x"), ("0002_event_log_distributed.cluster.sql", "x")]
        answers = iter([tables, applied, list(COLUMNS.items())])

        class Connection:
            async def execute(self, _sql):
                return next(answers)

        connection: object = Connection()
        await soundness.check(connection, layout=self.layout)  # type: ignore[arg-type]  # answers as one would

    async def test_replicated_tables_with_both_windows_pass(self):
        await self.check(self.engine, f"{self.engine}(…) SETTINGS {self.settings}, index_granularity = 8192")

    @pytest.mark.parametrize(
        ("definition", "finding"),
        [
            ("", "replicated_deduplication_window unset"),
            (settings.replace("10000", "0"), "replicated_deduplication_window off"),
            (settings.replace("604800", "0"), "replicated_deduplication_window_seconds off"),
            ("non_" + settings.split(",", maxsplit=1)[0], "replicated_deduplication_window unset"),
        ],
    )
    async def test_each_window_of_a_replicated_table_is_looked_at(self, definition, finding):
        with pytest.raises(StoreMisconfigured, match=finding):
            await self.check(self.engine, definition)

    async def test_a_plain_table_in_the_place_of_the_distributed_one_is_found(self):
        with pytest.raises(
            StoreMisconfigured, match="event_log is a ReplacingMergeTree, but with a cluster it must be"
        ):
            await self.check(self.engine, self.settings, front="ReplacingMergeTree")

    async def test_a_missing_local_table_is_found(self):
        with pytest.raises(StoreMisconfigured, match=r"no table d\.event_log_local"):
            soundness._demand_tables({"event_log": 1, "event_log_migrations": 1}, layout=self.layout)
        soundness._demand_tables({"event_log": 1, "event_log_migrations": 1}, layout=replace(self.layout, cluster=""))
