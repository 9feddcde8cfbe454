"""Blocks: rows in columns, as `FORMAT Native` and the protocol's Data packets both write them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from devstack.clickhouse.errors import ProtocolViolation
from devstack.clickhouse.layout_names import layout_of
from devstack.clickhouse.wire import ByteSource, text, varint

# Field 1, is_overflows = false; field 2, bucket_num = -1; end. Precedes every block of the protocol, and no Native one.
BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
MOST_COLUMNS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Column:
    """`type_span` is where the type's length and name stand in the block's body."""

    name: str
    type: str
    type_span: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Block:
    """`body` is what `FORMAT Native` reads and writes."""

    columns: tuple[Column, ...]
    rows: int
    body: bytes


def read_block_info(source: ByteSource) -> None:
    while field := source.varint():
        if field not in {1, 2}:
            raise ProtocolViolation(f"Unknown field {field} of a block's info")
        source.skip(1 if field == 1 else 4)


def read_block(source: ByteSource) -> Block:
    """The block that begins at the source's position; raises UnsupportedType if its end cannot be found."""
    start = source.position
    width, rows = source.varint(), source.varint()
    if width > MOST_COLUMNS:
        raise ProtocolViolation(f"A block of {width} columns is refused")
    columns = tuple(_read_column(source, start=start, rows=rows) for _ in range(width))
    return Block(columns, rows, bytes(memoryview(source.data)[start : source.position]))


def split_blocks(native: bytes) -> Iterator[Block]:
    """The blocks of a whole result in `FORMAT Native`."""
    source = ByteSource(native)
    while not source.exhausted:
        yield read_block(source)


def header(columns: Sequence[Column]) -> bytes:
    """The body of a block that has columns and no rows."""
    return varint(len(columns)) + b"\x00" + b"".join(text(column.name) + text(column.type) for column in columns)


def retyped(block: Block, types: Sequence[str]) -> bytes:
    """The block's body with other names for its columns' types (of the same layout)."""
    pieces, done = [], 0
    for column, name in zip(block.columns, types, strict=True):
        start, end = column.type_span
        pieces += [block.body[done:start], text(name)]
        done = end
    return b"".join((*pieces, block.body[done:]))


def _read_column(source: ByteSource, *, start: int, rows: int) -> Column:
    name = source.text()
    type_start = source.position - start
    type_name = source.text()
    column = Column(name, type_name, (type_start, source.position - start))
    if rows:
        layout_of(type_name).prefix(source).body(source, rows)
    return column
