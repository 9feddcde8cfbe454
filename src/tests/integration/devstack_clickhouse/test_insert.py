"""Rows on their way in: blocks of any number, one block as one part, and errors that leave the connection usable."""

from collections.abc import Iterator
from typing import Any

import pytest
from asynch.errors import ServerException as AsynchException
from clickhouse_driver import Client
from clickhouse_driver.block import RowOrientedBlock
from clickhouse_driver.errors import ServerException

from tests.integration.devstack_clickhouse.conftest import RunningServer
from tests.integration.devstack_clickhouse.test_select import wait_until

TOKEN = "insert_deduplication_token"


@pytest.fixture
def numbers(client: Client, table: str) -> str:
    """A table of numbers and names that takes no number above 1000 and drops repeated tokens."""
    client.execute(
        f"CREATE TABLE {table} (n Int32, s String DEFAULT 'none', CONSTRAINT small CHECK n <= 1000)"
        " ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100"
    )
    return table


def count(client: Client, table: str) -> int:
    [(found,)] = client.execute(f"SELECT count() FROM {table}")
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {} VALUES",
        "insert into {} (n, s) values",
        "INSERT INTO `die_hard`.`{}` (`n`, `s`) VALUES",
        "INSERT INTO TABLE die_hard.{} (n, s) FORMAT Native",
        "/* x */ INSERT INTO {} (n, s) SETTINGS max_threads = 1, log_comment = 'VALUES' VALUES ;",
        "INSERT INTO {} (*) VALUES",
        "INSERT INTO {} (* EXCEPT (nothing)) VALUES",
    ],
)
def test_the_ways_to_write_an_insert_are_understood(client: Client, numbers: str, statement: str) -> None:
    assert client.execute(statement.format(numbers), [(1, "a"), (2, "b")]) == 2
    assert client.execute(f"SELECT * FROM {numbers} ORDER BY n") == [(1, "a"), (2, "b")]


def test_columns_may_be_left_out_and_come_in_any_order(client: Client, numbers: str) -> None:
    client.execute(f"INSERT INTO {numbers} (n) VALUES", [(1,)])
    client.execute(f"INSERT INTO {numbers} (s, n) VALUES", [("b", 2)])
    assert client.execute(f"SELECT * FROM {numbers} ORDER BY n") == [(1, "none"), (2, "b")]


def test_computed_columns_are_not_asked_of_the_client(client: Client, table: str) -> None:
    client.execute(
        f"CREATE TABLE {table} (n Int8, m Int8 MATERIALIZED n + 1, a Int8 ALIAS n + 2, e Int8 EPHEMERAL 5,"
        " d Int8 DEFAULT e) ENGINE = MergeTree ORDER BY n"
    )
    client.execute(f"INSERT INTO {table} VALUES", [(1, 2)])
    client.execute(f"INSERT INTO {table} (n, e) VALUES", [(2, 7)])
    assert client.execute(f"SELECT n, m, a, d FROM {table} ORDER BY n") == [(1, 2, 3, 2), (2, 3, 4, 7)]


def test_rows_in_the_text_of_the_statement_are_stored(client: Client, numbers: str) -> None:
    client.execute(f"INSERT INTO {numbers} VALUES (1, 'a;\n\nb'), (1 + 1, upper('c'));")
    client.execute(f'INSERT INTO {numbers} FORMAT JSONEachRow\n{{"n": 3, "s": "d"}}\n')
    client.execute(f"INSERT INTO {numbers} (n) FORMAT CSV 4\n5\n")
    rows = [(1, "a;\n\nb"), (2, "C"), (3, "d"), (4, "none"), (5, "none")]
    assert client.execute(f"SELECT * FROM {numbers} ORDER BY n") == rows


def test_rows_may_be_selected_from_elsewhere(client: Client, numbers: str) -> None:
    client.execute(f"INSERT INTO {numbers} SELECT number, 'x' FROM numbers(10)")
    client.execute(f"INSERT INTO {numbers} (n) WITH 5 AS x SELECT x;")
    client.execute(f"WITH 6 AS x INSERT INTO {numbers} (n) SELECT x")
    assert count(client, numbers) == 12


def test_an_insert_of_nothing_stores_nothing(client: Client, numbers: str) -> None:
    assert client.execute(f"INSERT INTO {numbers} VALUES", []) == 0
    assert count(client, numbers) == 0


def test_rows_may_come_from_an_iterator_in_many_blocks(client: Client, numbers: str) -> None:
    def rows() -> Iterator[tuple[int, str]]:
        for number in range(1000):
            yield number, "x" * number

    assert client.execute(f"INSERT INTO {numbers} VALUES", rows(), settings={"insert_block_size": 7}) == 1000
    assert client.execute(f"SELECT count(), sum(length(s)) FROM {numbers}") == [(1000, 499500)]


@pytest.mark.asyncio
async def test_asynch_inserts_rows_and_columns(server: RunningServer, client: Client, numbers: str) -> None:
    async with server.asynch() as connection:
        assert await connection.execute(f"INSERT INTO {numbers} (n, s) VALUES", [(1, "a"), (2, "b")]) == 2
        columns = [[3, 4, 5], ["c", "d", "e"]]
        assert await connection.execute(f"INSERT INTO {numbers} (n, s) VALUES", columns, columnar=True) == 3
    assert client.execute(f"SELECT s FROM {numbers} ORDER BY n") == [("a",), ("b",), ("c",), ("d",), ("e",)]


@pytest.mark.parametrize("rows", [1, 70_000, 1_000_000])
def test_one_block_becomes_one_part(client: Client, table: str, rows: int) -> None:
    client.execute(f"CREATE TABLE {table} (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    client.execute(f"INSERT INTO {table} VALUES", [list(range(rows)), ["abc"] * rows], columnar=True)
    parts = client.execute(
        f"SELECT rows FROM system.parts WHERE database = 'die_hard' AND table = '{table}' AND level = 0"
    )
    assert parts == [(rows,)]


@pytest.mark.asyncio
async def test_a_repeated_token_is_dropped_and_another_one_is_not(
    server: RunningServer, client: Client, numbers: str
) -> None:
    statement = f"INSERT INTO {numbers} (n, s) VALUES"
    async with server.asynch() as connection:
        for token in ("one", "one", "two", "one"):
            settings = {TOKEN: token, "async_insert": 0}
            inserted = await connection.execute(statement, [[1, 2], ["a", "b"]], columnar=True, settings=settings)
            assert inserted == 2
    with server.client() as other:
        other.execute(statement, [(1, "a"), (2, "b")], settings={TOKEN: "two"})
        other.execute(f"INSERT INTO {numbers} SETTINGS {TOKEN} = 'one' VALUES", [(9, "z")])
    assert count(client, numbers) == 4


@pytest.mark.parametrize(
    ("statement", "rows", "code"),
    [
        ("INSERT INTO nowhere (n) VALUES", [(1,)], 60),
        ("INSERT INTO nowhere VALUES", [(1,)], 60),
        ("INSERT INTO no_database.nowhere VALUES", [(1,)], 81),
        ("INSERT INTO {} (n, other) VALUES", [(1, 2)], 47),
        ("INSERT INTO {} (n) VALUES", [(1,), (1001,)], 469),
        ("INSERT INTO {} (n) SETTINGS no_such_setting = 1 VALUES", [(1,)], 115),
        ("INSERT INTO {} (n VALUES", [(1,)], 62),
        ("INSERT INTO {} FROM INFILE 'rows.csv' FORMAT CSV", [(1,)], 48),
    ],
)
def test_a_refused_insert_is_an_error_and_the_connection_goes_on(
    client: Client, numbers: str, statement: str, rows: list[Any], code: int
) -> None:
    with pytest.raises(ServerException) as error:
        client.execute(statement.format(numbers), rows)
    assert error.value.code == code
    assert count(client, numbers) == 0


@pytest.mark.asyncio
async def test_an_insert_that_fails_at_its_first_of_many_blocks_is_drained(
    server: RunningServer, client: Client, numbers: str
) -> None:
    rows = [(5000, "too large"), *((1, "fine") for _ in range(999))]
    settings = {"insert_block_size": 10}
    async with server.asynch() as connection:
        for _ in range(2):
            with pytest.raises(AsynchException) as error:
                await connection.execute(f"INSERT INTO {numbers} VALUES", list(rows), settings=settings)
            assert error.value.code == 469
            assert "small" in str(error.value)
        assert await connection.execute(f"INSERT INTO {numbers} VALUES", [(1, "fine")]) == 1
    assert count(client, numbers) == 1


def test_what_fails_only_while_rows_are_written_is_not_lost(client: Client, table: str) -> None:
    """The engine's own streaming insert says nothing of these, which is why it is not used."""
    client.execute(f"CREATE TABLE {table} (n Int32) ENGINE = MergeTree PARTITION BY n ORDER BY n")
    with pytest.raises(ServerException) as too_many_partitions:
        client.execute(f"INSERT INTO {table} VALUES", [(number,) for number in range(1000)])
    assert too_many_partitions.value.code == 252
    view = f"CREATE MATERIALIZED VIEW {table}_view ENGINE = Null AS SELECT throwIf(n = 7, 'seven') FROM {table}"
    client.execute(view)
    with pytest.raises(ServerException) as in_the_view:
        client.execute(f"INSERT INTO {table} VALUES", [(7,)])
    client.execute(f"DROP TABLE {table}_view SYNC")
    assert in_the_view.value.code == 395


@pytest.mark.asyncio
async def test_a_value_of_the_wrong_type_is_an_error(server: RunningServer, client: Client, numbers: str) -> None:
    async with server.asynch() as connection:
        await connection.send_query(f"INSERT INTO {numbers} (n) VALUES")
        await connection.send_external_tables(None)
        sample = await connection.receive_sample_block()
        sample.columns_with_types = [("n", "String")]
        await connection.send_data(sample, [("abc",)])
        packet = await connection._receive_packet()
        assert packet.exception is not None
        assert packet.exception.code == 6
        assert await connection.execute("SELECT 1") == [(1,)]


def test_of_a_client_that_vanishes_before_its_last_block_nothing_is_stored(
    server: RunningServer, client: Client, numbers: str
) -> None:
    assert count(client, numbers) == 0
    files_before = server.open_files()
    leaving = server.client()
    leaving.execute("SELECT 1")
    leaving.connection.send_query(f"INSERT INTO {numbers} VALUES")
    leaving.connection.send_external_tables(None)
    sample = leaving.receive_sample_block()
    whole_block = RowOrientedBlock(sample.columns_with_types, [(1, "a")])
    leaving.connection.send_data(whole_block)
    leaving.connection.fout.write(b"\x02\x00\x01\x00")  # and the beginning of another one
    leaving.connection.fout.flush()
    wait_until(lambda: server.open_files() > files_before)
    leaving.disconnect()
    wait_until(lambda: server.open_files() == files_before)
    assert count(client, numbers) == 0


def test_an_insert_that_is_cancelled_stores_nothing_and_the_connection_goes_on(client: Client, numbers: str) -> None:
    assert count(client, numbers) == 0
    client.connection.send_query(f"INSERT INTO {numbers} VALUES")
    client.connection.send_external_tables(None)
    sample = client.receive_sample_block()
    client.connection.send_data(RowOrientedBlock(sample.columns_with_types, [(1, "a")]))
    client.connection.send_cancel()
    client.receive_end_of_query()
    assert count(client, numbers) == 0


def test_ddl_mutations_and_maintenance_are_carried_out(client: Client, numbers: str) -> None:
    client.execute(f"INSERT INTO {numbers} VALUES", [(1, "a"), (2, "b")])
    client.execute(f"ALTER TABLE {numbers} ADD COLUMN extra Nullable(Int8)")
    client.execute(f"ALTER TABLE {numbers} UPDATE s = 'changed' WHERE n = 1 SETTINGS mutations_sync = 2")
    client.execute(f"ALTER TABLE {numbers} DELETE WHERE n = 2", settings={"mutations_sync": 2})
    client.execute(f"OPTIMIZE TABLE {numbers} FINAL")
    client.execute("SYSTEM FLUSH LOGS")
    assert client.execute(f"SELECT * FROM {numbers}") == [(1, "changed", None)]
    client.execute(f"TRUNCATE TABLE {numbers}")
    client.execute(f"RENAME TABLE {numbers} TO {numbers}_renamed")
    client.execute(f"DROP TABLE {numbers}_renamed SYNC")
    assert client.execute(f"EXISTS TABLE {numbers}") == [(0,)]
