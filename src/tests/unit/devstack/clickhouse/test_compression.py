"""Frames: what goes in comes out, and a damaged or lying one is refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.clickhouse.compression import LZ4, NONE, ZSTD, FrameSource, _checksum, compress
from devstack.clickhouse.errors import ProtocolViolation
from devstack.clickhouse.wire import ByteSource


def framed(method: int, size: int, frame: bytes) -> bytes:
    content = struct.pack("<BII", method, 9 + len(frame), size) + frame
    return _checksum(content) + content


@given(st.binary(min_size=1, max_size=5000), st.sampled_from([LZ4, ZSTD]))
def test_what_was_compressed_is_read_back(data: bytes, method: int) -> None:
    assert FrameSource(ByteSource(compress(data, method))).take(len(data)) == data


@pytest.mark.parametrize("method", [LZ4, ZSTD])
def test_data_larger_than_a_frame_is_several_frames(method: int) -> None:
    data = bytes(range(256)) * 10_000
    source = ByteSource(compress(data, method) + b"next packet")
    assert FrameSource(source).take(len(data)) == data
    assert source.take(11) == b"next packet"


def test_a_frame_may_be_uncompressed() -> None:
    assert FrameSource(ByteSource(framed(NONE, 3, b"abc"))).take(3) == b"abc"


@pytest.mark.parametrize("position", [0, 15, 16, 30])
def test_a_damaged_frame_is_refused(position: int) -> None:
    frame = bytearray(compress(b"some data" * 10, LZ4))
    frame[position] ^= 1
    with pytest.raises(ProtocolViolation) as refused:
        FrameSource(ByteSource(bytes(frame))).take(1)
    assert refused.value.code == 40


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (framed(0x77, 3, b"abc"), 89),
        (framed(LZ4, 1 << 29, b"abc"), 271),
        (framed(LZ4, 100, b"\xff" * 50), 271),
        (framed(ZSTD, 100, b"no frame"), 271),
        (framed(NONE, 4, b"abc"), 271),
        (framed(LZ4, 0, b""), 271),
        (b"\x00" * 16 + struct.pack("<BII", LZ4, 0xFFFFFFFF, 10), 271),
        (b"\x00" * 16 + struct.pack("<BII", LZ4, 3, 10), 271),
    ],
)
def test_a_frame_that_lies_is_refused(frame: bytes, code: int) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        FrameSource(ByteSource(frame)).take(1)
    assert refused.value.code == code
