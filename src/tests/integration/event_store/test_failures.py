"""Every failure becomes one of the port's errors: wait, mend the deployment, or set the data aside."""

import asyncio
import socket
import traceback
from typing import Any
from uuid import uuid4

import pytest

from events.store import StoreMisconfigured, StoreRefused, StoreUnavailable
from events.stores.clickhouse import codes
from events.stores.clickhouse.store import ClickHouseEventStore
from tests.contracts.batches import batch
from tests.integration.event_store.clickhouse import execute
from tests.integration.event_store.scripted_server import (
    END_OF_STREAM,
    EVENT_LOG_SAMPLE,
    PROGRESS,
    exception,
    scripted,
)


@pytest.mark.asyncio
async def test_the_codes_bear_the_names_that_the_engine_gives_them():
    for code, name in (codes.REFUSAL_OF_DATA | codes.FAULT_OF_DEPLOYMENT).items():
        assert await execute(f"SELECT errorCodeToName({code})") in ([(name,)], [("",)])


@pytest.mark.asyncio
class TestAServerThatIsInNoState:
    async def test_a_server_that_is_not_there_is_unavailable(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            await self.assert_unavailable(taken.getsockname()[1], match="unreachable")

    async def test_a_server_that_accepts_and_says_nothing_is_unavailable(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            await self.assert_unavailable(silent.getsockname()[1])

    async def test_a_server_that_says_something_else_is_unavailable(self):
        async def speak_http(_reader, writer):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(speak_http, "127.0.0.1", 0) as server:
            await self.assert_unavailable(server.sockets[0].getsockname()[1])

    async def assert_unavailable(self, port: int, match: str | None = None) -> None:
        store = ClickHouseEventStore(host="127.0.0.1", port=port, connect_timeout=0.3, send_receive_timeout=0.3)
        async with asyncio.timeout(20):
            calls: list[tuple[Any, object]] = [
                (store.append, batch()),
                (store.stored, uuid4()),
                (store.digests, [uuid4()]),
            ]
            for call, argument in calls:
                with pytest.raises(StoreUnavailable, match=match):
                    await call(argument)
            for act in (store.check, store.migrate, store.plan):
                with pytest.raises(StoreUnavailable, match=match):
                    await act()
        await store.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([b""], StoreUnavailable),
        ([EVENT_LOG_SAMPLE], StoreUnavailable),
        ([EVENT_LOG_SAMPLE, PROGRESS], StoreUnavailable),
        ([EVENT_LOG_SAMPLE, PROGRESS + exception(252)], StoreUnavailable),
        ([exception(60)], StoreMisconfigured),
    ],
    ids=["cut before the data", "cut with the data", "cut after the data", "too many parts", "no table"],
)
async def test_an_append_that_fails_half_way_says_so_and_the_next_one_gets_a_new_connection(answers, error):
    async with scripted(*answers) as (script, port):
        store = sound_store(port)
        for connections in (1, 2):
            with pytest.raises(error):
                await store.append(batch())
            store._found_sound = True
            assert script.connections == connections
        await store.close()


@pytest.mark.asyncio
async def test_a_refusal_of_which_the_tables_cannot_be_looked_at_is_not_believed():
    async with scripted(EVENT_LOG_SAMPLE, PROGRESS + exception(117)) as (_, port):
        store = sound_store(port, send_receive_timeout=2)
        with pytest.raises(StoreUnavailable):
            await store.append(batch())
        await store.close()


@pytest.mark.asyncio
async def test_a_server_that_hangs_within_an_append_is_unavailable():
    async with scripted(EVENT_LOG_SAMPLE, PROGRESS, then_hang=True) as (_, port):
        store = sound_store(port, send_receive_timeout=0.3)
        async with asyncio.timeout(20):
            with pytest.raises(StoreUnavailable, match="TimeoutError"):
                await store.append(batch())
        await store.close()


@pytest.mark.asyncio
async def test_a_cancelled_append_leaves_no_connection_that_is_out_of_step():
    async with scripted(EVENT_LOG_SAMPLE, then_hang=True) as (script, port):
        store = sound_store(port)
        for connections in (1, 2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(store.append(batch()), 0.5)
            assert script.connections == connections
        await store.close()


@pytest.mark.asyncio
async def test_an_append_is_in_when_the_server_says_so():
    async with scripted(EVENT_LOG_SAMPLE, END_OF_STREAM) as (script, port):
        store = sound_store(port)
        whole = batch()
        await store.append(whole)
        assert whole.token.encode() in script.received[0]
        await store.close()


@pytest.mark.asyncio
class TestWhatTheEngineItselfSays:
    async def test_a_missing_database_is_misconfigured(self, stores):
        with pytest.raises(StoreMisconfigured):
            await stores(database="no_such_database").stored(uuid4())

    async def test_a_wrong_password_is_misconfigured_and_not_told(self, stores):
        with pytest.raises(StoreMisconfigured, match="516") as caught:
            await stores(database="default", password="hunter2").stored(uuid4())
        assert "hunter2" not in str(caught.value)

    async def test_a_missing_table_is_misconfigured_and_heals(self, stores, new_database):
        store, whole = stores(database=new_database), batch()
        await execute(f"CREATE DATABASE {new_database}")
        with pytest.raises(StoreMisconfigured, match="migrate_event_store"):
            await store.append(whole)
        with pytest.raises(StoreMisconfigured):
            await store.digests([whole.batch_id])
        await store.migrate()
        await store.append(whole)
        assert len(await store.stored(whole.batch_id)) == 3

    async def test_a_table_that_vanishes_is_misconfigured(self, stores, database):
        store = stores(database=database)
        await store.append(batch())
        await execute(f"DROP TABLE {database}.event_log SYNC")
        for _ in range(2):
            with pytest.raises(StoreMisconfigured):
                await store.append(batch())

    async def test_a_violated_constraint_is_refused_and_leaves_nothing(self, stores, database):
        store, whole = stores(database=database), batch(rows=3)
        await execute(f"ALTER TABLE {database}.event_log ADD CONSTRAINT no_actor_2 CHECK actor_id != '2'")
        with pytest.raises(StoreRefused, match="469"):
            await store.append(whole)
        assert await store.stored(whole.batch_id) == {}
        good = whole.without({whole.events.event_id[2]})
        await store.append(good)
        assert set(await store.stored(whole.batch_id)) == set(good.events.event_id)

    async def test_a_refusal_does_not_repeat_the_events(self, stores, database):
        await execute(f"ALTER TABLE {database}.event_log ADD CONSTRAINT few CHECK event_context = 'CANARY'")
        password = uuid4().hex
        with pytest.raises(StoreRefused, match="few") as caught:
            await stores(database=database).append(batch(context=f'{{"password": "{password}"}}'))
        shown = "".join(traceback.format_exception(caught.value))
        assert password not in shown
        assert "CANARY" not in shown

    async def test_a_column_that_somebody_changed_is_misconfigured_though_it_refuses_the_data(self, stores, database):
        store = stores(database=database)
        await store.check()
        await execute(f"ALTER TABLE {database}.event_log MODIFY COLUMN request_id UInt64")
        for _ in range(2):
            with pytest.raises(StoreMisconfigured, match="request_id is UInt64 and must be String"):
                await store.append(batch())
        await execute(f"ALTER TABLE {database}.event_log MODIFY COLUMN request_id String")
        await store.append(batch())

    async def test_a_materialised_view_that_throws_is_refused(self, stores, database):
        await execute(
            f"CREATE MATERIALIZED VIEW {database}.picky ENGINE = MergeTree ORDER BY e AS "
            f"SELECT throwIf(actor_id = '2') AS e FROM {database}.event_log"
        )
        with pytest.raises(StoreRefused, match="395"):
            await stores(database=database).append(batch(rows=3))


def sound_store(port: int, **options: Any) -> ClickHouseEventStore:
    """A store that takes the scripted server's tables as checked."""
    store = ClickHouseEventStore(host="127.0.0.1", port=port, compression=False, **options)
    store._found_sound = True
    return store
