"""The end of an INSERT is heard, whatever comes before it. A scripted server says what real ones say rarely."""

import asyncio
from typing import Any

import pytest
from asynch.errors import ServerException
from asynch.proto.connection import Connection as StockConnection

from events.stores.clickhouse.connection import DrainingConnection
from tests.integration.event_store.scripted_server import (
    END_OF_STREAM,
    LOG,
    PROFILE_EVENTS,
    PROFILE_INFO,
    PROGRESS,
    SAMPLE,
    TABLE_COLUMNS,
    exception,
    scripted,
)

pytestmark = pytest.mark.asyncio

NOISE = {
    "nothing": b"",
    "progress": PROGRESS,
    "log": LOG,
    "profile events": PROFILE_EVENTS,
    "profile info": PROFILE_INFO,
    "all of it": PROFILE_EVENTS + LOG + PROGRESS + PROFILE_INFO + PROGRESS,
}


async def insert(kind: Any, port: int) -> Any:
    connection = kind(host="127.0.0.1", port=port, connect_timeout=5, send_receive_timeout=5)
    try:
        return await connection.execute("INSERT INTO t (text) VALUES", [["a", "b"]], columnar=True)
    finally:
        await connection.disconnect()


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
async def test_an_exception_is_heard_behind_anything(noise):
    async with scripted(SAMPLE, noise + exception(241)) as (_, port):
        with pytest.raises(ServerException) as caught:
            await insert(DrainingConnection, port)
    assert caught.value.code == 241


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
async def test_success_is_the_end_of_the_stream(noise):
    async with scripted(SAMPLE, noise + END_OF_STREAM) as (_, port):
        assert await insert(DrainingConnection, port) == 2


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
async def test_anything_may_come_before_the_sample_block(noise):
    async with scripted(noise + TABLE_COLUMNS + SAMPLE, END_OF_STREAM) as (_, port):
        assert await insert(DrainingConnection, port) == 2


async def test_an_exception_instead_of_the_sample_block_is_raised():
    async with scripted(PROGRESS + exception(60)) as (_, port):
        with pytest.raises(ServerException) as caught:
            await insert(DrainingConnection, port)
    assert caught.value.code == 60


async def test_an_end_of_stream_instead_of_the_sample_block_is_no_success():
    async with scripted(END_OF_STREAM) as (_, port):
        with pytest.raises(ConnectionError, match="before it took any data"):
            await insert(DrainingConnection, port)


@pytest.mark.parametrize(
    "answers",
    [
        [b""],
        [SAMPLE],
        [SAMPLE, b""],
        [SAMPLE, PROGRESS],
        [SAMPLE, PROGRESS[:3]],
        [SAMPLE, PROFILE_EVENTS[:9]],
        [SAMPLE, exception()[:12]],
        [SAMPLE[:10]],
    ],
    ids=["before the sample", "before the data", "after the data", "behind progress", "within progress",
         "within profile events", "within an exception", "within the sample"],
)  # fmt: skip
async def test_a_connection_that_is_cut_is_no_success(answers):
    async with scripted(*answers) as (_, port):
        with pytest.raises(Exception):  # noqa: B017, PT011 -- which one is test_failures' business
            await insert(DrainingConnection, port)


async def test_a_connection_is_fit_for_use_after_an_insert_whose_answer_was_long():
    async with scripted(SAMPLE, PROFILE_EVENTS + PROGRESS + END_OF_STREAM, b"\x04", SAMPLE, END_OF_STREAM) as (
        script,
        port,
    ):
        connection = DrainingConnection(host="127.0.0.1", port=port, send_receive_timeout=5)
        for _ in range(2):
            assert await connection.execute("INSERT INTO t (text) VALUES", [["a"]], columnar=True) == 1
        await connection.disconnect()
        assert script.connections == 1


async def test_cutting_a_connection_does_not_wait_for_a_server_that_reads_no_more():
    async with scripted(SAMPLE, then_hang=True) as (_, port):
        connection = DrainingConnection(host="127.0.0.1", port=port, send_receive_timeout=0.5)
        async with asyncio.timeout(20):
            with pytest.raises(TimeoutError):
                await connection.execute("INSERT INTO t (text) VALUES", [["x" * 50_000_000]], columnar=True)
            await connection.disconnect()


@pytest.mark.parametrize("noise", [PROGRESS, PROFILE_EVENTS], ids=["progress", "profile events"])
async def test_stock_asynch_still_takes_a_failed_insert_for_a_success(noise):
    """When this fails, asynch has been mended: see whether DrainingConnection can go."""
    async with scripted(SAMPLE, noise + exception(241)) as (_, port):
        assert await insert(StockConnection, port) == 2
