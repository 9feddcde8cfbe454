"""Statements that answer with rows."""

import threading
import time
from typing import Any

import pytest
from asynch.errors import ServerException as AsynchException
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.integration.devstack_clickhouse.conftest import RunningServer


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT 1", [(1,)]),
        ("select 1;", [(1,)]),
        ("  -- a comment; with a semicolon\n/* and 'another */ SELECT 1 ; ", [(1,)]),
        ("(SELECT 1) UNION ALL (SELECT 1)", [(1,), (1,)]),
        ("WITH 2 AS x SELECT x", [(2,)]),
        ("with t as (select 3 as a) select a from t", [(3,)]),
        ("FROM numbers(2) SELECT number", [(0,), (1,)]),
        ("SELECT ';', '-- no comment'", [(";", "-- no comment")]),
        ("SELECT 1 FORMAT JSON", [(1,)]),
        ("SELECT 1 SETTINGS max_threads = 1 FORMAT Null", [(1,)]),
        ("SELECT 1 AS format", [(1,)]),
        ("EXISTS TABLE system.one", [(1,)]),
        ("SHOW DATABASES LIKE 'die_hard'", [("die_hard",)]),
        ("EXPLAIN SYNTAX SELECT 1", [("SELECT 1\nFROM system.one",)]),
        ("DESCRIBE (SELECT 1 AS a)", [("a", "UInt8", "", "", "", "", "")]),
        ("SELECT name FROM system.settings WHERE name = 'max_threads'", [("max_threads",)]),
    ],
)
def test_a_statement_that_answers_with_rows_is_understood(client: Client, sql: str, rows: list[Any]) -> None:
    assert client.execute(sql) == rows


@pytest.mark.asyncio
async def test_asynchs_cursor_reads_rows(server: RunningServer) -> None:
    async with server.asynch() as connection:
        assert await connection.execute("SELECT number FROM numbers(3)") == [(0,), (1,), (2,)]
        columns = await connection.execute("SELECT number, 'x' FROM numbers(2)", columnar=True)
    assert [list(column) for column in columns] == [[0, 1], ["x", "x"]]


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT 1 AS a, 'x' AS b WHERE 0", [("a", "UInt8"), ("b", "String")]),
        ("(SELECT now('Asia/Tokyo') AS t LIMIT 0)", [("t", "DateTime('Asia/Tokyo')")]),
        ("WITH 1 AS x SELECT x AS y LIMIT 0 -- the end", [("y", "UInt8")]),
        ("SHOW TABLES LIKE 'none'", [("name", "String")]),
    ],
)
def test_an_answer_without_rows_has_its_columns(client: Client, sql: str, columns: list[Any]) -> None:
    assert client.execute(sql, with_column_types=True) == ([], columns)


def test_an_unknown_table_is_an_error_with_clickhouses_code(client: Client) -> None:
    with pytest.raises(ServerException) as error:
        client.execute("SELECT * FROM nowhere")
    assert error.value.code == 60
    assert "nowhere" in error.value.message
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEC 1", 62),
        ("exit", 62),
        ("1", 62),
        ("SELECT 1; SELECT 2", 62),
        ("-- nothing", 62),
        ("SELECT 1 INTO OUTFILE 'a'", 48),
        ("SELECT number % 2 AS a, count() FROM numbers(9) GROUP BY a WITH TOTALS", 48),
        ("SELECT toUInt8('x')", 6),
        ("USE nowhere", 81),
        ("SYSTEM SHUTDOWN", 48),
        ("system kill;", 48),
    ],
)
def test_what_cannot_be_answered_is_an_error_and_the_connection_goes_on(client: Client, sql: str, code: int) -> None:
    with pytest.raises(ServerException) as error:
        client.execute(sql)
    assert error.value.code == code
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.asyncio
async def test_an_error_in_the_middle_of_the_rows_arrives_after_them(server: RunningServer) -> None:
    sql = "SELECT throwIf(number = 300000, 'too far') FROM numbers(1000000) SETTINGS max_block_size = 1000"
    with server.client() as client:
        rows = client.execute_iter(sql)
        assert next(rows) == (0,)
        with pytest.raises(ServerException) as error:
            list(rows)
        assert error.value.code == 395
        assert "too far" in error.value.message
    async with server.asynch() as connection:
        with pytest.raises(AsynchException) as asynch_error:
            await connection.execute(sql)
        assert asynch_error.value.code == 395
        assert await connection.execute("SELECT 1") == [(1,)]


def test_a_large_answer_is_streamed_and_not_held_in_memory(server: RunningServer) -> None:
    before = server.resident_bytes()
    peak, rows = 0, 0
    with server.client(settings={"max_block_size": 65536}) as client:
        client.execute("SELECT 1")
        for block in client.execute_iter("SELECT number, repeat('x', 100) FROM numbers(4000000)", chunk_size=65536):
            rows += len(block)
            peak = max(peak, server.resident_bytes())
    assert rows == 4_000_000
    assert peak - before < 200 * 1024 * 1024  # the answer is over 400 MB


def test_a_client_may_stop_reading_and_cancel(client: Client) -> None:
    numbers = client.execute_iter("SELECT number FROM system.numbers")
    assert next(numbers) == (0,)
    client.cancel()
    client.disconnect()
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.asyncio
async def test_a_cancelled_query_ends_without_error_and_the_connection_goes_on(server: RunningServer) -> None:
    async with server.asynch() as connection:
        timer = threading.Timer(0.3, lambda: connection.writer.writer.write(b"\x03"))
        timer.start()
        began = time.monotonic()
        await connection.execute("SELECT sleepEachRow(1) FROM numbers(60) SETTINGS max_block_size = 1")
        assert time.monotonic() - began < 30
        assert await connection.execute("SELECT 1") == [(1,)]


def running_queries(client: Client, mark: str) -> int:
    sql = f"SELECT count() FROM system.processes WHERE query LIKE '%{mark}%' AND query NOT LIKE '%processes%'"
    [(count,)] = client.execute(sql)
    assert isinstance(count, int)
    return count


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 AND '{mark}' != ''",
        "SELECT '{mark}', * FROM system.numbers",
        "INSERT INTO FUNCTION null('n UInt64') SELECT number FROM system.numbers WHERE '{mark}' != ''",
    ],
    ids=["computes", "streams", "inserts"],
)
def test_the_query_of_a_client_that_vanishes_is_stopped(server: RunningServer, client: Client, sql: str) -> None:
    mark = f"vanishing {abs(hash(sql))}"
    leaving = server.client()
    leaving.execute("SELECT 1")
    connection = leaving.connection
    connection.send_query(sql.format(mark=mark))
    connection.send_external_tables(None)
    wait_until(lambda: running_queries(client, mark) == 1)
    leaving.disconnect()
    wait_until(lambda: running_queries(client, mark) == 0)


def test_another_client_can_kill_a_query(server: RunningServer, client: Client) -> None:
    failures: list[int] = []

    def compute() -> None:
        with server.client() as victim:
            try:
                victim.execute("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number, 'to kill') = 1")
            except ServerException as error:
                failures.append(error.code)

    thread = threading.Thread(target=compute)
    thread.start()
    wait_until(lambda: running_queries(client, "to kill") == 1)
    killed = client.execute("KILL QUERY WHERE query LIKE '%to kill%' AND query NOT LIKE '%KILL%' ASYNC")
    thread.join(timeout=20)
    assert len(killed) == 1
    assert failures == [394]


def test_a_query_is_killed_by_the_id_its_client_gave_it_and_no_other_may_have_it(
    server: RunningServer, client: Client
) -> None:
    leaving = server.client()
    leaving.execute("SELECT 1", query_id="my own id")
    leaving.connection.send_query(
        "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number, 'by id') = 1", query_id="my own id"
    )
    leaving.connection.send_external_tables(None)
    wait_until(lambda: running_queries(client, "by id") == 1)
    with pytest.raises(ServerException) as taken:
        client.execute("SELECT 1", query_id="my own id")
    assert taken.value.code == 216
    assert len(client.execute("KILL QUERY WHERE query_id = 'my own id'")) == 1
    with pytest.raises(ServerException) as killed:
        leaving.receive_result()
    assert killed.value.code == 394
    leaving.disconnect()
    assert client.execute("SELECT 1", query_id="my own id") == [(1,)]


def test_a_database_is_used_by_one_connection_alone(server: RunningServer, client: Client) -> None:
    with server.client() as other:
        other.execute("USE system")
        assert other.execute("SELECT currentDatabase()") == [("system",)]
        assert client.execute("SELECT currentDatabase()") == [("die_hard",)]
