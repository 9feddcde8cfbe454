"""How many bytes a column takes in `FORMAT Native`: enough of every type to find a block's end, no value is decoded.

A layout is asked twice: `prefix` skips what stands once before a column's rows and answers with the layout of these
rows (Dynamic and JSON say only there what they hold); `body` skips a number of rows.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final, Protocol, Self

from devstack.clickhouse.errors import NOT_IMPLEMENTED, ProtocolViolation
from devstack.clickhouse.wire import VARINT_BYTES, ByteSource

CONTINUES: Final = 0x80  # the bit of a LEB128 byte that says another one follows
NEED_GLOBAL_DICTIONARY: Final = 1 << 8
HAS_ADDITIONAL_KEYS: Final = 1 << 9
INDEX_WIDTHS: Final = (1, 2, 4, 8)


class UnsupportedType(ProtocolViolation):
    """A column whose end cannot be found, because nothing in the bytes says where it is."""

    def __init__(self, name: str) -> None:
        super().__init__(f"devstack cannot read columns of type {name}", code=NOT_IMPLEMENTED)


class Layout(Protocol):
    def prefix(self, source: ByteSource) -> "Layout": ...

    def body(self, source: ByteSource, rows: int) -> None: ...


@dataclass(frozen=True)
class Fixed:
    width: int

    def prefix(self, source: ByteSource) -> Self:  # noqa: ARG002 -- the protocol's signature
        return self

    def body(self, source: ByteSource, rows: int) -> None:
        source.skip(rows * self.width)


@dataclass(frozen=True)
class Strings:
    def prefix(self, source: ByteSource) -> Self:  # noqa: ARG002 -- the protocol's signature
        return self

    def body(self, source: ByteSource, rows: int) -> None:
        left = rows
        while left:
            left = _skip_buffered_strings(source, left)
            if left:
                source.skip(source.varint())
                left -= 1


def _skip_buffered_strings(source: ByteSource, left: int) -> int:
    """Skip strings whose lengths are in the buffer; the only loop over rows, so it touches nothing but locals."""
    data, position = source.data, source.position
    safe = len(data) - VARINT_BYTES
    while left and position < safe:
        length = data[position]
        position += 1
        byte, shift = length, 7
        while byte >= CONTINUES and shift < 7 * VARINT_BYTES:
            byte = data[position]
            position += 1
            length += (byte - 1) << shift  # takes back the bit of the byte before, which said that this one follows
            shift += 7
        position += length
        left -= 1
    source.need(position)
    source.position = position
    return left


@dataclass(frozen=True)
class Nullable:
    inner: Layout

    def prefix(self, source: ByteSource) -> Layout:
        return Nullable(self.inner.prefix(source))

    def body(self, source: ByteSource, rows: int) -> None:
        source.skip(rows)
        self.inner.body(source, rows)


@dataclass(frozen=True)
class Array:
    inner: Layout

    def prefix(self, source: ByteSource) -> Layout:
        return Array(self.inner.prefix(source))

    def body(self, source: ByteSource, rows: int) -> None:
        if rows:
            source.skip(8 * (rows - 1))
            self.inner.body(source, source.uint64())


@dataclass(frozen=True)
class Tuple:
    elements: tuple[Layout, ...]

    def prefix(self, source: ByteSource) -> Layout:
        return Tuple(tuple(element.prefix(source) for element in self.elements))

    def body(self, source: ByteSource, rows: int) -> None:
        for element in self.elements:
            element.body(source, rows)


@dataclass(frozen=True)
class LowCardinality:
    dictionary: Layout

    def prefix(self, source: ByteSource) -> Self:
        source.skip(8)
        return self

    def body(self, source: ByteSource, rows: int) -> None:
        left = rows
        while left > 0:
            flags = source.uint64()
            if flags & NEED_GLOBAL_DICTIONARY or flags & 0xFF >= len(INDEX_WIDTHS):
                raise UnsupportedType("LowCardinality (global dictionary)")
            if flags & HAS_ADDITIONAL_KEYS:
                self.dictionary.body(source, source.uint64())
            count = source.uint64()
            if not count:
                raise ProtocolViolation("A LowCardinality column with fewer rows than its block")
            source.skip(count * INDEX_WIDTHS[flags & 0xFF])
            left -= count


@dataclass(frozen=True)
class Variant:
    """`variants` stand in the order of their discriminators, which is that of their names."""

    variants: tuple[Layout, ...]

    def prefix(self, source: ByteSource) -> Layout:
        if source.uint64():
            raise UnsupportedType("Variant (compact discriminators)")
        return Variant(tuple(variant.prefix(source) for variant in self.variants))

    def body(self, source: ByteSource, rows: int) -> None:
        counts = Counter(source.take(rows))
        for discriminator, variant in enumerate(self.variants):
            variant.body(source, counts[discriminator])
