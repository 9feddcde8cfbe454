"""Many clients at once, and what they leave behind."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.integration.devstack_clickhouse.conftest import RunningServer
from tests.integration.devstack_clickhouse.test_select import wait_until


@pytest.mark.asyncio
async def test_thirty_clients_insert_and_query_at_the_same_time(
    server: RunningServer, client: Client, table: str
) -> None:
    client.execute(f"CREATE TABLE {table} (client UInt32, n UInt32, s String) ENGINE = MergeTree ORDER BY (client, n)")

    async def work(number: int) -> int:
        seen = 0
        async with server.asynch(compression=number % 2 == 0) as connection:
            for turn in range(5):
                rows = [(number, turn * 100 + row, f"{number}") for row in range(100)]
                await connection.execute(f"INSERT INTO {table} VALUES", rows)
                [(seen,)] = await connection.execute(f"SELECT count() FROM {table} WHERE client = {number}")
                assert await connection.execute(f"SELECT {number}") == [(number,)]
        return seen

    assert await asyncio.gather(*(work(number) for number in range(30))) == [500] * 30
    [(rows, distinct)] = client.execute(f"SELECT count(), uniqExact(client, n) FROM {table}")
    assert (rows, distinct) == (15_000, 15_000)


def test_a_slow_query_holds_up_nobody(server: RunningServer, client: Client) -> None:
    slow_done = threading.Event()

    def be_slow() -> None:
        with server.client() as slow:
            slow.execute("SELECT sleep(2)")
        slow_done.set()

    thread = threading.Thread(target=be_slow)
    thread.start()
    answers = 0
    while not slow_done.is_set():
        assert client.execute("SELECT 1") == [(1,)]
        answers += 1
    thread.join()
    assert answers > 50


def test_hundreds_of_short_connections_leave_nothing_behind(start_server: Callable[[], RunningServer]) -> None:
    server = start_server()

    def visit(times: int) -> None:
        for _ in range(times):
            with server.client() as visitor:
                assert visitor.execute("SELECT 1") == [(1,)]

    visit(20)
    threads, files, memory = server.threads(), server.open_files(), server.resident_bytes()
    visit(400)
    # A few are the engine's own, which come and go.
    wait_until(lambda: server.threads() <= threads + 10 and server.open_files() <= files + 10)
    assert server.resident_bytes() - memory < 50 * 1024 * 1024


def test_more_clients_than_allowed_are_refused_and_the_others_go_on(server: RunningServer) -> None:
    with ExitStack() as held:
        *_, last = [held.enter_context(server.socket()) for _ in range(260)]
        refused = last.recv(1 << 16)
    assert refused[:1] == b"\x02"
    assert b"connections already" in refused

    wait_until(lambda: is_served(server))


def is_served(server: RunningServer) -> bool:
    with server.client() as client:
        try:
            return bool(client.execute("SELECT 1"))
        except ServerException as error:
            return error.code != 203
