"""Sending an answer: the columns first, then the blocks as the engine made them."""

from collections.abc import Callable, Sequence
from typing import Final

from devstack.clickhouse.blocks import BLOCK_INFO, Column, header, read_block, retyped
from devstack.clickhouse.compression import compress
from devstack.clickhouse.layouts import UnsupportedType
from devstack.clickhouse.packets import data_reply
from devstack.clickhouse.wire import ByteSource

# `FORMAT Native` writes a DateTime('Europe/Berlin') column as plain DateTime, so that one may be either.
MAY_LACK_ITS_TIME_ZONE: Final = "DateTime"


def columns_told_by(body: bytes) -> Sequence[Column] | None:
    """A block's columns; nothing if only a DESCRIBE can tell what they are."""
    try:
        columns = read_block(ByteSource(body)).columns
    except UnsupportedType:
        return None
    return None if any(column.type == MAY_LACK_ITS_TIME_ZONE for column in columns) else columns


class Result:
    """The blocks of one answer, compressed by `method` if it is given."""

    def __init__(self, send: Callable[[bytes], None], *, method: int | None) -> None:
        self._send = send
        self._method = method

    def begin(self, columns: Sequence[Column]) -> None:
        """A block without rows says which columns are coming, or would have come."""
        self.block(header(columns))

    def block(self, body: bytes) -> None:
        packed = BLOCK_INFO + body
        self._send(data_reply(packed if self._method is None else compress(packed, self._method)))

    def blocks_of(self, columns: Sequence[Column]) -> Callable[[bytes], None]:
        """How to send a block of these columns, whose types may be named less exactly in the block itself."""
        types = [column.type for column in columns]
        if not any(name.startswith("DateTime(") for name in types):
            return self.block
        return lambda body: self.block(_retyped(body, types))


def _retyped(body: bytes, types: Sequence[str]) -> bytes:
    try:
        return retyped(read_block(ByteSource(body)), types)
    except UnsupportedType:
        # Its columns cannot be told apart: better the values with a time zone less than no values.
        return body
