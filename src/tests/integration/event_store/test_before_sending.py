"""What is wrong with a batch is found out before anything is sent, or before anything is kept."""

from dataclasses import replace
from uuid import uuid4

import pytest

from events.store import StoreRefused
from events.stores.clickhouse.block import BatchSpansMonths
from events.stores.clickhouse.store import ClickHouseEventStore
from tests.contracts.batches import MARCH_2026_US, batch

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("context", 7),
        ("context", b"{}"),
        ("actor_id", None),
        ("actor_id", uuid4()),
        ("event_type", 1.5),
        ("occurred_us", "2026"),
        ("occurred_us", True),
        ("metadata_version", "1"),
        ("event_id", uuid4()),
    ],
)
async def test_a_value_of_another_type_is_refused(column, value):
    whole = batch(rows=1)
    whole = replace(whole, events=replace(whole.events, **{column: [value]}))
    with pytest.raises(StoreRefused, match=f"{column} must be .* and holds {type(value).__name__}"):
        await unreachable_store().append(whole)


@pytest.mark.parametrize(
    ("column", "value"),
    [("context", "\ud800"), ("metadata_version", 70_000), ("metadata_version", -1), ("event_id", "no UUID")],
)
async def test_a_value_that_cannot_be_encoded_is_refused(stores, database, column, value):
    whole = batch(rows=1)
    whole = replace(whole, events=replace(whole.events, **{column: [value]}))
    store = stores(database=database)
    with pytest.raises(StoreRefused):
        await store.append(whole)
    await store.append(batch())


@pytest.mark.parametrize("year", [1899, 2300])
async def test_a_time_that_no_partition_is_for_is_refused(year):
    microseconds = (year - 1970) * 31_556_952_000_000
    with pytest.raises(StoreRefused, match="1900 to 2299"):
        await unreachable_store().append(batch(occurred_us=microseconds))


async def test_a_batch_of_two_months_is_an_error_of_the_program():
    whole = batch(rows=2)
    whole = replace(
        whole, events=replace(whole.events, occurred_us=[MARCH_2026_US, MARCH_2026_US + 31 * 86_400_000_000])
    )
    with pytest.raises(BatchSpansMonths, match="from 2026-03 to 2026-04"):
        await unreachable_store().append(whole)


def unreachable_store() -> ClickHouseEventStore:
    return ClickHouseEventStore(host="127.0.0.1", port=1)
