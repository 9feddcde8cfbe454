"""Reading from ClickHouse: what it costs, where it stops, and what it makes of a server that does not answer."""

import asyncio
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from events.reading import TooMuchToRead, Wanted
from events.store import StoreMisconfigured, StoreUnavailable
from events.stores.clickhouse import ClickHouseEventReader, codes
from events.stores.clickhouse.search import conditions
from events.stores.clickhouse.sql import statement
from tests.acceptance.gate import Gate
from tests.contracts.batches import MARCH_2026_US, batch
from tests.integration.event_store.clickhouse import execute, options
from tests.integration.event_store.scripted_server import exception, scripted

pytestmark = pytest.mark.asyncio
MARCH = datetime(2026, 3, 10, tzinfo=UTC)
DAY_US = 86_400_000_000


@pytest_asyncio.fixture
async def readers(database):
    """Makes readers of this test's event_log, with any option changed, and closes them afterwards."""
    made = []

    def make(**changed):
        made.append(ClickHouseEventReader(**options(**{"database": database, **changed})))
        return made[-1]

    yield make
    for reader in made:
        await reader.close()


async def explained(database: str, wanted: Wanted, *, piece=(MARCH, MARCH + timedelta(days=1))) -> str:
    """How the engine goes about the query, and what each index leaves to be read."""
    matching = " AND ".join(conditions(wanted, piece, None))
    query = statement("page", conditions=matching, limit="51", most_bytes="1000", table="event_log")
    return "\n".join(line for (line,) in await execute(f"EXPLAIN indexes = 1 {query}", database=database))


async def test_the_codes_bear_the_names_that_the_engine_gives_them():
    for code, name in codes.TOO_MUCH_TO_READ.items():
        assert await execute(f"SELECT errorCodeToName({code})") == [(name,)]


async def test_time_and_type_are_found_by_partition_and_sorting_key_and_people_by_their_index(database, stores):
    for month in range(3):
        await stores(database=database).append(batch(rows=9000, occurred_us=MARCH_2026_US + month * 31 * DAY_US))
    plan = await explained(database, Wanted(event_types=["user_registered"], actor_id="7"))
    assert "Parts: 1/3" in plan  # the other months are not opened
    assert "PrimaryKey" in plan
    assert "event_type" in plan.partition("PrimaryKey")[2]
    assert "Name: by_actor_id" in plan
    assert "Name: by_trace_id" in await explained(database, Wanted(trace_id="0" * 32))
    assert "LazilyReadFromMergeTree" in plan  # contexts are read of those rows alone that are shown


async def test_a_query_that_would_look_through_too_much_is_refused_before_it_does(stores, readers, database):
    await stores(database=database).append(batch(rows=3000))
    reader = readers(most_rows=100)
    with pytest.raises(TooMuchToRead):
        await reader.page(Wanted(), after=None, limit=10)
    narrow = Wanted(since=MARCH - timedelta(days=9), until=MARCH)
    assert (await reader.page(narrow, after=None, limit=10)).is_last
    assert len((await readers().page(Wanted(), after=None, limit=10)).events) == 10


async def test_all_questions_of_a_page_together_have_so_much_time(stores, readers, database):
    await stores(database=database).append(batch(rows=3000))
    with pytest.raises(TooMuchToRead):
        await readers(most_seconds=0).page(Wanted(), after=None, limit=10)


@pytest.mark.parametrize("code", sorted(codes.TOO_MUCH_TO_READ))
async def test_what_goes_beyond_a_bound_is_too_much_and_no_outage(code):
    async with scripted(exception(code)) as (_, port):
        reader = ClickHouseEventReader(host="127.0.0.1", port=port)
        with pytest.raises(TooMuchToRead):
            await reader.page(Wanted(), after=None, limit=1)


@pytest.mark.parametrize(
    ("code", "meaning"), [(210, StoreUnavailable), (999, StoreUnavailable), (60, StoreMisconfigured)]
)
async def test_other_errors_of_the_server_are_what_they_are_for_the_store(code, meaning):
    async with scripted(exception(code)) as (_, port):
        reader = ClickHouseEventReader(host="127.0.0.1", port=port)
        with pytest.raises(meaning):
            await reader.event(uuid4())


async def test_a_server_that_says_nothing_is_waited_for_so_long_and_no_longer():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        reader = ClickHouseEventReader(host="127.0.0.1", port=silent.getsockname()[1], patience=0.3, pool_size=1)
        started = time.monotonic()
        calls = [reader.page(Wanted(), after=None, limit=1) for _ in range(5)]
        outcomes = await asyncio.gather(*calls, reader.event(uuid4()), return_exceptions=True)
        assert [type(each) for each in outcomes] == [StoreUnavailable] * 6  # those that wait for their turn as well
        assert time.monotonic() - started < 5


async def test_a_reader_finds_its_server_again(stores, readers, database):
    gate = Gate(host=options()["host"], port=options()["port"])
    try:
        made = batch(rows=1)
        await stores(database=database).append(made)
        reader = readers(host="127.0.0.1", port=gate.port)
        assert len((await reader.page(Wanted(), after=None, limit=5)).events) == 1
        gate.close()
        with pytest.raises(StoreUnavailable):
            await reader.page(Wanted(), after=None, limit=5)
        gate.open()
        assert (await reader.event(UUID(made.events.event_id[0]))).event_type == "user_registered"
    finally:
        gate.close()


async def test_nothing_can_be_written_through_it(readers, database):
    reader = readers()
    async with reader._pool.connection() as connection:
        assert await connection.execute("SELECT 1", settings=reader._bounds) == [(1,)]
    for sql in (
        f"INSERT INTO {database}.event_log (event_type) SELECT 'x'", f"TRUNCATE TABLE {database}.event_log",
        f"ALTER TABLE {database}.event_log DELETE WHERE 1",
    ):  # fmt: skip
        with pytest.raises(Exception, match="READONLY"):
            async with reader._pool.connection() as connection:
                await connection.execute(sql, settings=reader._bounds)


async def test_a_page_ends_where_contexts_get_large_and_the_next_one_goes_on_there(stores, readers, database):
    await stores(database=database).append(batch(rows=6, context="x" * 1000))
    reader = readers(page_bytes=2500)
    first = await reader.page(Wanted(), after=None, limit=50)
    second = await reader.page(Wanted(), after=first.events[-1].place, limit=50)
    third = await reader.page(Wanted(), after=second.events[-1].place, limit=50)
    assert [(len(page.events), page.is_last) for page in (first, second, third)] == [(3, False), (3, False), (0, True)]
    alone = await readers(page_bytes=1).page(Wanted(), after=None, limit=50)
    assert (len(alone.events), alone.is_last) == (1, False)


async def test_a_crowd_of_copies_does_not_hide_what_is_behind_it(stores, readers, database):
    made = batch(rows=2)
    for number in range(70):
        await stores(database=database).append(replace(made, batch_id=uuid4(), token=f"{number}"))
    page = await readers().page(Wanted(), after=None, limit=5)
    assert [str(event.event_id) for event in page.events] == made.events.event_id[::-1]
    assert page.is_last
