"""Inserts that fail, are cancelled or abandoned: the client is told, nothing is stored, the connection goes on."""

from typing import Any

import pytest
from asynch.errors import ServerException as AsynchException
from clickhouse_driver import Client
from clickhouse_driver.block import RowOrientedBlock
from clickhouse_driver.errors import ServerException

from tests.integration.devstack_clickhouse.conftest import RunningServer, count
from tests.integration.devstack_clickhouse.test_select import wait_until


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
        ("INSERT INTO {} SELECT * FROM input('n Int32, s String') FORMAT Native", [(1, "a")], 108),
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
