"""What an append does to the table: one part, one partition, once, also when the engine has forgotten."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from events.fingerprint import checksum, fingerprints
from tests.contracts.batches import MARCH_2026_US, batch
from tests.integration.event_store.clickhouse import execute

pytestmark = pytest.mark.asyncio


async def parts(database: str) -> Any:
    """Partition and rows of every part that is in use."""
    return await execute(
        "SELECT partition, rows FROM system.parts "
        f"WHERE database = '{database}' AND table = 'event_log' AND active ORDER BY name"
    )


@pytest.mark.parametrize("compression", [True, False], ids=["LZ4", "plain"])
async def test_a_large_batch_becomes_one_part(stores, database, compression):
    whole = batch(rows=100_000, context=f'{{"text":"{random.randbytes(140).hex()}"}}')
    store = stores(database=database, compression=compression)
    await store.append(whole)
    assert await parts(database) == [("202603", 100_000)]
    await store.append(whole)
    assert await parts(database) == [("202603", 100_000)]
    digests = await store.digests([whole.batch_id])
    assert digests[whole.batch_id].checksum == checksum(fingerprints(whole.events))


async def test_months_are_partitions(stores, database):
    store = stores(database=database)
    for months in range(3):
        await store.append(batch(rows=2, occurred_us=MARCH_2026_US + months * 31 * 86_400_000_000))
    assert await parts(database) == [("202603", 2), ("202604", 2), ("202605", 2)]


async def test_what_is_in_stays_in_once_although_the_window_was_turned_off(stores, database):
    """The engine would take the batch again; asking what is there first keeps the promise."""
    whole = batch(rows=10)
    await stores(database=database).append(whole)
    await execute(f"ALTER TABLE {database}.event_log MODIFY SETTING non_replicated_deduplication_window = 0")
    store = stores(database=database)
    await store.append(whole.without(set(await store.stored(whole.batch_id))))
    assert await parts(database) == [("202603", 10)]


async def test_merging_drops_what_is_repeated(stores, database):
    """The last net: the same rows under another token, as a person might insert them by hand."""
    whole, store = batch(rows=10), stores(database=database)
    await store.append(whole)
    await store.append(replace(whole, token="another"))
    digests = await store.digests([whole.batch_id])
    assert (digests[whole.batch_id].rows, digests[whole.batch_id].events) == (20, 10)
    await execute(f"SYSTEM START MERGES {database}.event_log")
    await execute(f"OPTIMIZE TABLE {database}.event_log FINAL")
    digests = await store.digests([whole.batch_id])
    assert (digests[whole.batch_id].rows, digests[whole.batch_id].events) == (10, 10)


async def test_a_repeat_does_not_reach_materialised_views_twice(stores, database):
    await execute(
        f"CREATE TABLE {database}.counted (event_type String, n UInt64) ENGINE = SummingMergeTree ORDER BY event_type "
        "SETTINGS non_replicated_deduplication_window = 1000"
    )
    await execute(
        f"CREATE MATERIALIZED VIEW {database}.counting TO {database}.counted AS "
        f"SELECT event_type, count() AS n FROM {database}.event_log GROUP BY event_type"
    )
    whole, store = batch(rows=10), stores(database=database)
    for _ in range(3):
        await store.append(whole)
    assert await execute(f"SELECT sum(n) FROM {database}.counted") == [(10,)]


async def test_a_batch_is_found_by_the_index(stores, database):
    store = stores(database=database)
    several = [batch(rows=20_000) for _ in range(5)]
    for one in several:
        await store.append(one)
    plan = await execute(
        f"EXPLAIN indexes = 1 SELECT count() FROM {database}.event_log WHERE batch_id = '{several[0].batch_id}'"
    )
    text = "\n".join(line for (line,) in plan)
    assert "by_batch_id" in text
    assert "Parts: 1/5" in text


async def test_a_store_outlives_the_connections_that_the_server_cuts(stores, database):
    store = stores(database=database)
    await asyncio.gather(*(store.append(batch()) for _ in range(3)))
    for connection in store._pool._idle:
        connection.writer.writer.transport.abort()
    whole = batch()
    await store.append(whole)
    assert len(await store.stored(whole.batch_id)) == 3


async def test_no_more_connections_are_made_than_the_pool_has_room_for(stores, database):
    store = stores(database=database, pool_size=2)
    several = [batch(rows=10) for _ in range(10)]
    await asyncio.gather(*(store.append(one) for one in several))
    assert len(store._pool._idle) <= 2
    assert len(await store.digests([one.batch_id for one in several])) == 10
