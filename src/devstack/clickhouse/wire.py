"""Bytes as the native protocol writes them: little-endian integers, LEB128 lengths, length-prefixed strings.

A `ByteSource` is a growing buffer with a position. Nothing is allocated for a length a client merely declares: the
buffer grows with the bytes that really arrive, up to `limit`.
"""

import socket
import struct
from typing import Final, override

from devstack.clickhouse.errors import ClientGone, ProtocolViolation

VARINT_BYTES: Final = 10
RECEIVE_BYTES: Final = 1 << 18
INT32: Final = struct.Struct("<i")
UINT32: Final = struct.Struct("<I")
UINT64: Final = struct.Struct("<Q")


class ByteSource:
    """A buffer that is filled on demand; positions count from the last `begin`."""

    def __init__(self, data: bytes = b"", *, limit: int = 1 << 30) -> None:
        self.data = bytearray(data)
        self.position = 0
        self.limit = limit

    def fill(self) -> None:
        """Add at least one byte to `data`."""
        raise ProtocolViolation("Unexpected end of data")

    def begin(self) -> None:
        """Forget what has been read, so that the buffer does not grow with the connection's age."""
        del self.data[: self.position]
        self.position = 0

    def need(self, end: int) -> None:
        """Read on until the buffer reaches `end`; raises ProtocolViolation beyond the limit."""
        if end > self.limit:
            raise ProtocolViolation(f"A packet of more than {self.limit} bytes is refused")
        while len(self.data) < end:
            self.fill()

    def skip(self, count: int) -> None:
        self.need(self.position + count)
        self.position += count

    def take(self, count: int) -> bytes:
        start = self.position
        self.skip(count)
        return bytes(memoryview(self.data)[start : self.position])

    def uint8(self) -> int:
        self.need(self.position + 1)
        self.position += 1
        return self.data[self.position - 1]

    def uint32(self) -> int:
        self.skip(4)
        return int(UINT32.unpack_from(self.data, self.position - 4)[0])

    def uint64(self) -> int:
        self.skip(8)
        return int(UINT64.unpack_from(self.data, self.position - 8)[0])

    def varint(self) -> int:
        """A LEB128 number of at most ten bytes; raises ProtocolViolation on a longer one."""
        value = 0
        for index in range(VARINT_BYTES):
            byte = self.uint8()
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:  # noqa: PLR2004 -- the continuation bit of LEB128
                return value
        raise ProtocolViolation("A number of more than ten bytes is not part of the protocol")

    def text(self) -> str:
        # Surrogates keep bytes that are no UTF-8, so that a name goes back to the client as it came.
        return self.take(self.varint()).decode("utf-8", "surrogateescape")

    @property
    def exhausted(self) -> bool:
        return self.position >= len(self.data)


class SocketSource(ByteSource):
    """What a client sends."""

    def __init__(self, client: socket.socket, *, limit: int) -> None:
        super().__init__(limit=limit)
        self._client = client

    @override
    def fill(self) -> None:
        try:
            received = self._client.recv(RECEIVE_BYTES)
        except OSError as error:
            raise ClientGone(str(error)) from error
        if not received:
            raise ClientGone("end of stream")
        self.data += received


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:  # noqa: PLR2004 -- seven bits a byte
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def text(value: str) -> bytes:
    encoded = value.encode("utf-8", "surrogateescape")
    return varint(len(encoded)) + encoded
