"""Rows that come along with a query, to be joined with what is stored."""

from typing import Any

import pytest
from asynch.errors import ServerException as AsynchException
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.integration.devstack_clickhouse.conftest import RunningServer

TABLE = {
    "name": "wanted",
    "structure": [("n", "UInt64"), ("name", "LowCardinality(String)")],
    "data": [(1, "one"), (3, "three")],
}
SQL = "SELECT name FROM numbers(5) AS a JOIN wanted AS w ON a.number = w.n ORDER BY name"


@pytest.mark.parametrize("compression", [False, True])
def test_clickhouse_driver_joins_rows_of_its_own(server: RunningServer, compression: Any) -> None:
    with server.client(compression=compression) as client:
        for _ in range(2):
            assert client.execute(SQL, external_tables=[TABLE]) == [("one",), ("three",)]


@pytest.mark.asyncio
async def test_asynch_joins_rows_of_its_own(server: RunningServer) -> None:
    empty = {"name": "nothing", "structure": [("n", "UInt64"), ("s", "String")], "data": []}
    async with server.asynch() as connection:
        assert await connection.execute(SQL, external_tables=[dict(TABLE), empty]) == [("one",), ("three",)]
        assert await connection.execute("SELECT count() FROM nothing", external_tables=[empty]) == [(0,)]
        with pytest.raises(AsynchException):
            await connection.execute(SQL)


def test_after_an_error_an_external_table_is_gone(client: Client) -> None:
    with pytest.raises(ServerException) as error:
        client.execute("SELECT nothing FROM wanted", external_tables=[TABLE])
    assert error.value.code == 47
    assert client.execute(SQL, external_tables=[TABLE]) == [("one",), ("three",)]
    with pytest.raises(ServerException) as unknown:
        client.execute(SQL)
    assert unknown.value.code == 60
