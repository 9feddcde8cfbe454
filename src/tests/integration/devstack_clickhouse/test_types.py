"""Every type the two clients can read and write goes in through one of them and comes out through the other."""

from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from clickhouse_driver import Client

from tests.integration.devstack_clickhouse.conftest import RunningServer

BERLIN = ZoneInfo("Europe/Berlin")
SOME_UUID = UUID("01234567-89ab-7def-8123-456789abcdef")
LONG = "ü" * 300  # a length of two bytes

ROUND_TRIPS: list[tuple[str, list[Any]]] = [
    ("Int8", [-128, 127]),
    ("Int16", [-32768, 32767]),
    ("Int32", [-(2**31), 2**31 - 1]),
    ("Int64", [-(2**63), 2**63 - 1]),
    ("Int128", [-(2**127), 2**127 - 1]),
    ("Int256", [-(2**255), 2**255 - 1]),
    ("UInt8", [0, 255]),
    ("UInt16", [0, 65535]),
    ("UInt32", [0, 2**32 - 1]),
    ("UInt64", [0, 2**64 - 1]),
    ("UInt128", [0, 2**128 - 1]),
    ("UInt256", [0, 2**256 - 1]),
    ("Float32", [0.5, -1.25]),
    ("Float64", [0.1, float("inf")]),
    ("Bool", [True, False]),
    ("String", ["", "a", LONG, "\x00\n'\"\\"]),
    ("FixedString(4)", ["abcd", "wxyz"]),
    ("UUID", [SOME_UUID, UUID(int=0)]),
    ("Date", [date(1970, 1, 1), date(2149, 6, 6)]),
    ("Date32", [date(1900, 1, 1), date(2299, 12, 31)]),
    ("DateTime('UTC')", [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)]),
    ("DateTime('Europe/Berlin')", [datetime(2026, 7, 2, 3, 4, 5, tzinfo=BERLIN)]),
    ("DateTime64(6, 'UTC')", [datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)]),
    ("DateTime64(3, 'Europe/Berlin')", [datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=BERLIN)]),
    ("Nullable(DateTime('Europe/Berlin'))", [datetime(2026, 7, 2, 3, 4, 5, tzinfo=BERLIN), None]),
    ("Decimal(9, 2)", [Decimal("-1.25"), Decimal("9999999.99")]),
    ("Decimal(18, 4)", [Decimal("-1.2500")]),
    ("Decimal(38, 10)", [Decimal("12345678901234567890.0123456789")]),
    ("Decimal(76, 20)", [Decimal("-1.25")]),
    ("IPv4", [IPv4Address("127.0.0.1"), IPv4Address("255.255.255.255")]),
    ("IPv6", [IPv6Address("::1"), IPv6Address("2001:db8::ff")]),
    ("Enum8('a b' = -1, 'c,d(' = 2)", ["a b", "c,d("]),
    ("Enum16('x' = 1, 'y' = 1000)", ["y", "x"]),
    ("Nullable(Int64)", [None, 1, None]),
    ("Nullable(String)", [None, "", LONG]),
    ("LowCardinality(String)", ["a", "b", "a", LONG]),
    ("LowCardinality(Nullable(String))", ["a", None, "a", ""]),
    ("LowCardinality(FixedString(2))", ["ab", "cd", "ab"]),
    ("Array(Int32)", [[], [1, 2, 3]]),
    ("Array(Array(String))", [[], [[], ["a", LONG]], [["b"]]]),
    ("Array(Nullable(UUID))", [[SOME_UUID, None], []]),
    ("Array(LowCardinality(String))", [["a", "b", "a"], []]),
    ("Map(String, Int64)", [{}, {"a": 1, "b": 2}]),
    ("Map(LowCardinality(String), Array(Int8))", [{"k": [1, 2]}, {}]),
    ("Tuple(Int8, String)", [(1, "a"), (2, LONG)]),
    ("Array(Tuple(a Int8, `b c` Nullable(String)))", [[(1, None), (2, "x")], []]),
    ("SimpleAggregateFunction(sum, Int64)", [5, 6]),
    ("Point", [(1.5, 2.5)]),
    ("Ring", [[(1.0, 2.0), (3.0, 4.0)]]),
    ("Polygon", [[[(1.0, 2.0), (3.0, 4.0)]]]),
]
IDS = [name for name, _ in ROUND_TRIPS]


def create(client: Client, table: str, type_name: str) -> None:
    # Between two others: a column whose end is missed by a byte takes its neighbour along.
    client.execute(
        f"CREATE TABLE {table} (n UInt32, value {type_name}, after String) ENGINE = MergeTree ORDER BY n",
        settings={"allow_suspicious_low_cardinality_types": 1},
    )


def rows_of(values: list[Any]) -> list[tuple[int, Any, str]]:
    return [(number, value, f"after {number}") for number, value in enumerate(values)]


@pytest.mark.asyncio
@pytest.mark.parametrize(("type_name", "values"), ROUND_TRIPS, ids=IDS)
async def test_a_type_written_by_clickhouse_driver_is_read_by_asynch(
    server: RunningServer, client: Client, table: str, type_name: str, values: list[Any]
) -> None:
    create(client, table, type_name)
    rows = rows_of(values)
    assert client.execute(f"INSERT INTO {table} VALUES", rows) == len(rows)
    async with server.asynch(compression="lz4") as reader:
        read, columns = await reader.execute(f"SELECT * FROM {table} ORDER BY n", with_column_types=True)
    assert read == rows
    assert [name for name, _ in columns] == ["n", "value", "after"]
    assert columns[1][1] == client.execute(f"DESCRIBE TABLE {table} SETTINGS print_pretty_type_names = 0")[1][1]


@pytest.mark.asyncio
@pytest.mark.parametrize(("type_name", "values"), ROUND_TRIPS, ids=IDS)
async def test_a_type_written_by_asynch_is_read_by_clickhouse_driver(
    server: RunningServer, client: Client, table: str, type_name: str, values: list[Any]
) -> None:
    create(client, table, type_name)
    rows = rows_of(values)
    async with server.asynch() as writer:
        assert await writer.execute(f"INSERT INTO {table} VALUES", list(rows)) == len(rows)
    assert client.execute(f"SELECT * FROM {table} ORDER BY n") == rows


def test_a_nested_column_is_written_as_its_arrays(client: Client, table: str) -> None:
    client.execute(f"CREATE TABLE {table} (n Int8, inner Nested(a Int8, b String)) ENGINE = MergeTree ORDER BY n")
    client.execute(f"INSERT INTO {table} (n, inner.a, inner.b) VALUES", [(1, [1, 2], ["x", "y"])])
    assert client.execute(f"SELECT * FROM {table}") == [(1, [1, 2], ["x", "y"])]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("NULL", None),
        ("[]", []),
        ("toIntervalDay(3)", 3),
        ("INTERVAL 5 MINUTE", 5),
        ("tuple(1, 'a', [1.5])", (1, "a", [1.5])),
        ("map('a', map('b', 1))", {"a": {"b": 1}}),
        (
            "toDateTime('2026-07-02 03:04:05', 'Asia/Tokyo')",
            datetime(2026, 7, 2, 3, 4, 5, tzinfo=ZoneInfo("Asia/Tokyo")),
        ),
    ],
)
def test_a_type_that_only_an_expression_has_is_read(client: Client, expression: str, value: Any) -> None:
    assert client.execute(f"SELECT {expression} AS value, 'after' AS after") == [(value, "after")]


def test_a_json_column_is_written_and_read_in_both_directions(
    server: RunningServer, client: Client, table: str
) -> None:
    client.execute(f"CREATE TABLE {table} (n Int8, doc JSON, after String) ENGINE = MergeTree ORDER BY n")
    rows = [(1, {"a": {"b": 1}, "c": ["x", "y"]}, "one"), (2, {"a": {"b": "text"}}, "two"), (3, {}, "three")]
    assert client.execute(f"INSERT INTO {table} VALUES", [list(row) for row in rows]) == 3
    assert client.execute(f"SELECT * FROM {table} ORDER BY n") == rows


def test_an_aggregate_state_can_be_merged(client: Client, table: str) -> None:
    client.execute(f"CREATE TABLE {table} (s AggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY ()")
    client.execute(f"INSERT INTO {table} SELECT sumState(number) FROM numbers(10)")
    assert client.execute(f"SELECT sumMerge(s) FROM {table}") == [(45,)]
