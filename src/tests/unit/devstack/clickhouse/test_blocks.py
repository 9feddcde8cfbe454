"""Finding the end of a block: from bytes that dribble in, and against lengths that lie."""

import tracemalloc
from typing import override

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.clickhouse.blocks import Column, header, read_block, retyped, split_blocks
from devstack.clickhouse.column_types import element_name, element_type, split_type
from devstack.clickhouse.errors import ProtocolViolation
from devstack.clickhouse.layout_names import layout_of
from devstack.clickhouse.layouts import UnsupportedType
from devstack.clickhouse.wire import ByteSource, text, varint


class Dribble(ByteSource):
    """Gives its bytes a few at a time."""

    def __init__(self, content: bytes, *, step: int) -> None:
        super().__init__()
        self._rest = content
        self._step = step

    @override
    def fill(self) -> None:
        if not self._rest:
            super().fill()
        self.data += self._rest[: self._step]
        self._rest = self._rest[self._step :]


def one_column(type_name: str, rows: int, body: bytes) -> bytes:
    return varint(1) + varint(rows) + text("c") + text(type_name) + body


def int64(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "little") for value in values)


# The bodies are written by hand from the format's description, not by the code under test.
BODIES = [
    ("UInt8", 3, b"\x01\x02\x03"),
    ("FixedString(3)", 2, b"abcdef"),
    ("Decimal(9, 2)", 1, b"\x00" * 4),
    ("Decimal(76, 2)", 1, b"\x00" * 32),
    ("Enum8('a,(' = 1)", 2, b"\x01\x01"),
    ("IntervalDay", 1, int64(3)),
    ("String", 3, b"\x01a\x00\x80\x01" + b"x" * 128),
    ("String", 2, b"\x80\x80\x04" + b"y" * 65536 + b"\x00"),
    ("Nullable(String)", 2, b"\x01\x00" + b"\x00\x01a"),
    ("Array(String)", 3, int64(1, 1, 3) + b"\x01a\x01b\x01c"),
    ("Array(Array(UInt8))", 1, int64(2) + int64(1, 3) + b"\x01\x02\x03"),
    ("Array(String)", 2, int64(0, 0)),
    ("Map(String, UInt16)", 1, int64(2) + b"\x01a\x01b" + b"\x01\x00\x02\x00"),
    ("Tuple(a UInt8, `b, (` Nullable(UInt8))", 2, b"\x01\x02" + b"\x00\x01" + b"\x03\x00"),
    ("Tuple()", 2, b"\x00\x00"),
    ("LowCardinality(String)", 3, int64(1) + int64(0x600, 2) + b"\x01a\x01b" + int64(3) + b"\x00\x01\x00"),
    ("LowCardinality(Nullable(String))", 1, int64(1) + int64(0x601, 2) + b"\x00\x01a" + int64(1) + b"\x01\x00"),
    ("Array(LowCardinality(String))", 1, int64(1) + int64(0)),
    ("Variant(UInt8, String)", 3, int64(0) + b"\x00\x01\xff" + b"\x01s" + b"\x07"),
    ("Dynamic", 2, int64(2) + b"\x01\x05UInt8" + int64(0) + b"\x01\xff" + b"\x07"),
    ("JSON", 1, int64(1) + b"\x02{}"),
    ("JSON(max_dynamic_paths = 8, a UInt8)", 1, int64(2) + b"\x00" + b"\x05" + int64(0)),
    ("Nothing", 2, b"00"),
    ("Point", 1, b"\x00" * 16),
    ("SimpleAggregateFunction(sum, UInt64)", 1, int64(1)),
]


@pytest.mark.parametrize(("type_name", "rows", "body"), BODIES)
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_block_ends_where_its_last_column_does(type_name: str, rows: int, body: bytes, step: int) -> None:
    written = one_column(type_name, rows, body)
    source = Dribble(written + b"next", step=step)
    block = read_block(source)
    assert (block.body, block.rows) == (written, rows)
    assert source.take(4) == b"next"


def test_several_blocks_in_a_row_are_told_apart() -> None:
    blocks = [one_column("UInt8", 2, b"\x01\x02"), one_column("String", 1, b"\x01a"), one_column("UInt8", 0, b"")]
    assert [block.body for block in split_blocks(b"".join(blocks))] == blocks


def test_a_header_is_a_block_without_rows() -> None:
    columns = (Column("a", "UInt8"), Column("ü", "Array(String)"))
    block = read_block(ByteSource(header(columns)))
    assert block.rows == 0
    assert [(column.name, column.type) for column in block.columns] == [("a", "UInt8"), ("ü", "Array(String)")]


def test_a_column_is_renamed_without_touching_its_rows() -> None:
    block = read_block(
        ByteSource(
            varint(2) + varint(1) + text("a") + text("DateTime") + b"1234" + text("b") + text("String") + b"\x01x"
        )
    )
    renamed = read_block(ByteSource(retyped(block, ["DateTime('UTC')", "String"])))
    assert [column.type for column in renamed.columns] == ["DateTime('UTC')", "String"]
    assert renamed.body.endswith(b"\x01x")


@pytest.mark.parametrize(
    "name",
    [
        "AggregateFunction(sum, UInt64)",
        "FixedString(x)",
        "Decimal",
        "Decimal(99, 1)",
        "Array()",
        "Whatever",
        "Array(" * 5000,
        "",
    ],
)
def test_a_type_without_a_known_end_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedType) as refused:
        layout_of(name)
    assert refused.value.code == 48


HUGE = b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"


@pytest.mark.parametrize(
    "lie",
    [
        varint(1) + HUGE + text("c") + text("UInt64"),
        varint(1) + HUGE + text("c") + text("LowCardinality(String)") + int64(1, 0x600, 2**60),
        HUGE + varint(1),
        varint(1) + varint(1) + text("c") + text("String") + HUGE,
        varint(1) + varint(1) + text("c") + text("Array(UInt64)") + int64(2**61),
        varint(1) + varint(1) + HUGE,
        varint(1) + varint(1) + b"\xff" * 11,
    ],
)
def test_a_length_that_lies_allocates_nothing(lie: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolViolation):
            read_block(ByteSource(lie + b"x" * 100))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_number_is_read_as_it_was_written(number: int) -> None:
    assert ByteSource(varint(number)).varint() == number


@given(st.lists(st.binary(max_size=300), max_size=50), st.integers(min_value=1, max_value=400))
def test_strings_of_any_length_end_where_they_end(strings: list[bytes], step: int) -> None:
    body = b"".join(varint(len(value)) + value for value in strings)
    written = one_column("String", len(strings), body)
    assert read_block(Dribble(written + b"rest", step=step)).body == written


def test_a_types_arguments_are_split_outside_of_quotes_and_brackets() -> None:
    name = "Tuple(a Enum8('x, (' = 1), `b, c` Map(String, Array(Int8)), Decimal(9, 2))"
    family, arguments = split_type(name)
    assert family == "Tuple"
    assert [(element_name(one), element_type(one)) for one in arguments] == [
        ("a", "Enum8('x, (' = 1)"),
        ("`b, c`", "Map(String, Array(Int8))"),
        ("", "Decimal(9, 2)"),
    ]
