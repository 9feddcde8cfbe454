"""Rows on their way in: blocks of any number, one block as one part, and errors that leave the connection usable."""

from collections.abc import Iterator

import pytest
from clickhouse_driver import Client

from tests.integration.devstack_clickhouse.conftest import RunningServer, count

TOKEN = "insert_deduplication_token"


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
