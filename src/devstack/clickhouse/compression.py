"""ClickHouse's compressed framing: checksum, method, sizes, data; LZ4, ZSTD and uncompressed frames."""

import struct
from typing import Final, override

# None of the three ships types.
import zstd  # type: ignore[import-untyped, unused-ignore]
from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped, unused-ignore]
from lz4 import block as lz4_block  # type: ignore[import-untyped, unused-ignore]

from devstack.clickhouse.errors import ProtocolViolation
from devstack.clickhouse.wire import ByteSource

CHECKSUM_DOESNT_MATCH: Final = 40
UNKNOWN_COMPRESSION_METHOD: Final = 89
CANNOT_DECOMPRESS: Final = 271

LZ4: Final = 0x82
ZSTD: Final = 0x90
NONE: Final = 0x02

SIZES: Final = struct.Struct("<BII")
CHECKSUM_BYTES: Final = 16
FRAME_BYTES: Final = 1 << 20
LARGEST_FRAME: Final = 1 << 30
LZ4_BEST_RATIO: Final = 255  # a frame that declares more is lying, and would have us allocate it
LOW_64_BITS: Final = (1 << 64) - 1


class FrameSource(ByteSource):
    """The decompressed bytes of the frames in another source, whatever method each of them names."""

    def __init__(self, frames: ByteSource) -> None:
        super().__init__(limit=frames.limit)
        self._frames = frames

    @override
    def fill(self) -> None:
        checksum = self._frames.take(CHECKSUM_BYTES)
        sizes = self._frames.take(SIZES.size)
        method, compressed, size = SIZES.unpack(sizes)
        if not SIZES.size <= compressed <= LARGEST_FRAME or not 0 < size <= LARGEST_FRAME:
            raise ProtocolViolation("A compressed frame of an impossible size", code=CANNOT_DECOMPRESS)
        frame = self._frames.take(compressed - SIZES.size)
        if _checksum(sizes + frame) != checksum:
            raise ProtocolViolation("Checksum doesn't match: corrupted data", code=CHECKSUM_DOESNT_MATCH)
        self._frames.begin()
        self.data += _decompress(method, frame, size)


def compress(data: bytes, method: int) -> bytes:
    """`data` as one or more frames of at most 1 MiB each."""
    return b"".join(
        _frame(data[start : start + FRAME_BYTES], method=method) for start in range(0, len(data), FRAME_BYTES)
    )


def _frame(data: bytes, *, method: int) -> bytes:
    packed: bytes = zstd.compress(data, 1) if method == ZSTD else lz4_block.compress(data, store_size=False)
    framed = SIZES.pack(method, SIZES.size + len(packed), len(data)) + packed
    return _checksum(framed) + framed


def _checksum(framed: bytes) -> bytes:
    value = CityHash128(framed)
    return struct.pack("<QQ", value >> 64, value & LOW_64_BITS)


def _decompress(method: int, frame: bytes, size: int) -> bytes:
    try:
        data = _unpacked(method, frame, size)
    except (lz4_block.LZ4BlockError, zstd.Error, MemoryError) as error:
        raise ProtocolViolation(f"Cannot decompress: {error}", code=CANNOT_DECOMPRESS) from error
    if len(data) != size:
        raise ProtocolViolation("A compressed frame of another size than it says", code=CANNOT_DECOMPRESS)
    return data


def _unpacked(method: int, frame: bytes, size: int) -> bytes:
    if method == NONE:
        return frame
    if method == ZSTD:
        return bytes(zstd.decompress(frame))
    if method != LZ4:
        raise ProtocolViolation(f"Unknown compression method 0x{method:02x}", code=UNKNOWN_COMPRESSION_METHOD)
    if size > len(frame) * LZ4_BEST_RATIO:
        raise ProtocolViolation("An LZ4 frame cannot hold what it says", code=CANNOT_DECOMPRESS)
    return bytes(lz4_block.decompress(frame, uncompressed_size=size))
