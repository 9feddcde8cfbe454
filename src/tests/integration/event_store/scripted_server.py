"""A ClickHouse that says exactly what a test wants, byte for byte, whatever it is told."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

REVISION = 54453
# How long the client must be silent to count as having said everything. Too short a silence does no harm: answers
# then arrive before the client has finished, and wait in its socket.
SILENCE = 0.05


def varint(number: int) -> bytes:
    head, rest = number & 0x7F, number >> 7
    return bytes([head | 0x80]) + varint(rest) if rest else bytes([head])


def string(text: str) -> bytes:
    raw = text.encode()
    return varint(len(raw)) + raw


def sample(**columns: str) -> bytes:
    """The empty block that answers an INSERT: names and types."""
    body = b"".join(string(name) + string(kind) for name, kind in columns.items())
    return b"\x01" + string("") + b"\x01\x00\x02\xff\xff\xff\xff\x00" + varint(len(columns)) + b"\x00" + body


def block(**columns: str) -> bytes:
    """A block of String columns with one row."""
    body = b"".join(string(name) + string("String") + string(value) for name, value in columns.items())
    return b"\x01\x00\x02\xff\xff\xff\xff\x00" + varint(len(columns)) + varint(bool(columns)) + body


def exception(code: int = 241, message: str = "DB::Exception: no more memory") -> bytes:
    return (
        b"\x02" + struct.pack("<i", code) + string("DB::Exception") + string(message) + string("at main.cpp") + b"\x00"
    )


HELLO = (
    b"\x00" + string("ClickHouse") + varint(26) + varint(9) + varint(REVISION) + string("UTC") + string("x") + varint(1)
)
SAMPLE = sample(text="String")
EVENT_LOG_SAMPLE = sample(
    event_id="UUID",
    event_type="LowCardinality(String)",
    event_date_time="DateTime64(6, 'UTC')",
    environment="LowCardinality(String)",
    event_context="String",
    metadata_version="UInt16",
    actor_id="String",
    request_id="String",
    trace_id="String",
    span_id="String",
    batch_id="UUID",
)
PROGRESS = b"\x03" + b"".join(map(varint, (10, 200, 300, 10, 200)))
PONG = b"\x04"
END_OF_STREAM = b"\x05"
PROFILE_INFO = b"\x06" + varint(1) + varint(1) + varint(10) + b"\x00" + varint(0) + b"\x00"
LOG = b"\x0a" + string("") + block()
TABLE_COLUMNS = b"\x0b" + string("") + string("columns format version: 1")
PROFILE_EVENTS = b"\x0e" + string("") + block(name="InsertedRows")


@dataclass(slots=True)
class Script:
    """What to answer to each thing the client says after its hello; then to cut the connection, or to hang."""

    answers: list[bytes]
    then_hang: bool = False
    deaf: bool = False
    connections: int = 0
    received: list[bytes] = field(default_factory=list)

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await _hear(reader)
            writer.write(HELLO)
            for answer in self.answers:
                if not self.deaf:
                    self.received.append(await _hear(reader))
                writer.write(answer)
                await writer.drain()
            if self.then_hang:
                await asyncio.Event().wait()
        except ConnectionError:
            pass  # the client has had enough, which is the point of some tests
        finally:
            writer.transport.abort()


@asynccontextmanager
async def scripted(*answers: bytes, then_hang: bool = False, deaf: bool = False) -> AsyncIterator[tuple[Script, int]]:
    """The script, and the port it is played on to everyone who connects."""
    script = Script(answers=list(answers), then_hang=then_hang, deaf=deaf)
    playing: set[asyncio.Task[None]] = set()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        playing.add(task)
        await script.play(reader, writer)

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    try:
        yield script, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)
        await server.wait_closed()


async def _hear(reader: asyncio.StreamReader) -> bytes:
    """Whatever the client says until it falls silent."""
    heard = await reader.read(2**20)
    while heard:
        try:
            more = await asyncio.wait_for(reader.read(2**20), SILENCE)
        except TimeoutError:
            break
        if not more:
            break
        heard += more
    return heard
