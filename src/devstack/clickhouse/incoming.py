"""What a client sends along with a query: blocks of rows, external tables, and the empty block that ends them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from devstack.clickhouse.blocks import Block, Column, read_block, read_block_info
from devstack.clickhouse.compression import FrameSource
from devstack.clickhouse.errors import CANNOT_WRITE, ProtocolViolation, ServerError
from devstack.clickhouse.packets import CLIENT_CANCEL, CLIENT_DATA, CLIENT_SCALAR
from devstack.clickhouse.wire import ByteSource, SocketSource


@dataclass(slots=True)
class ExternalTable:
    name: str
    columns: tuple[Column, ...]
    body: bytearray


class Incoming:
    """The data packets of one query."""

    def __init__(self, client: SocketSource, *, compressed: bool) -> None:
        self._client = client
        self._frames = FrameSource(client) if compressed else None
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether the client has sent Cancel, as far as that has been received."""
        ahead = self._client.data[self._client.position : self._client.position + 1]
        return self._cancelled or ahead == bytes([CLIENT_CANCEL])

    def external_tables(self) -> list[ExternalTable]:
        tables: dict[str, ExternalTable] = {}
        for name, block in self._blocks():
            table = tables.setdefault(name, ExternalTable(name or "_data", block.columns, bytearray()))
            table.body += block.body if block.rows else b""
        return list(tables.values())

    def store(self, file: BinaryIO) -> int:
        """Write the rows to a file in `FORMAT Native`, block by block; answers with their number, 0 after a Cancel.

        Raises ServerError if the file cannot be written, after the client has sent everything it wants to send.
        """
        rows, failure = 0, None
        for _, block in self._blocks():
            if not block.rows or failure:
                continue
            try:
                file.write(block.body)
                file.flush()
            except OSError as error:
                failure = error
            rows += block.rows
        if self._cancelled:
            return 0
        if failure:
            raise ServerError(CANNOT_WRITE, f"DB::Exception: Cannot keep the rows: {failure}") from failure
        return rows

    def _blocks(self) -> Iterator[tuple[str, Block]]:
        while True:
            self._client.begin()
            packet = self._client.varint()
            if packet == CLIENT_CANCEL:
                self._cancelled = True
                return
            if packet not in {CLIENT_DATA, CLIENT_SCALAR}:
                raise ProtocolViolation(f"Packet {packet} in place of a block")
            name = self._client.text()
            block = self._block()
            if packet == CLIENT_SCALAR:  # what another engine has worked out already; it is worked out again here
                continue
            if not block.columns:
                return
            yield name, block

    def _block(self) -> Block:
        source: ByteSource = self._frames or self._client
        if self._frames:
            self._frames.begin()
        read_block_info(source)
        return read_block(source)
