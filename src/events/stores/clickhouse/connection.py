"""A connection to ClickHouse that finds out how an INSERT ended. This and `errors` are all that knows asynch."""

import contextlib
from collections.abc import Sequence
from typing import Any

from asynch.proto import block, connection
from asynch.proto.protocol import ClientPacket, ServerPacket

from events.store import StoreMisconfigured
from events.stores.clickhouse import native
from events.stores.clickhouse.layout import COLUMNS
from kit.span import traceparent

_PIECE = 1 << 20

# Compiled, and mostly untyped.
_ProtoConnection: Any = connection.Connection
_block: Any = block


class DrainingConnection(_ProtoConnection):  # type: ignore[misc]
    """asynch's connection, reading the answer to an INSERT to its end.

    asynch 0.4.0 reads one packet after the data: if that is progress, a log line or profile events, an exception
    behind it is never seen, and a failed INSERT looks like a success.
    """

    async def process_insert_query(self, query_without_data: str, data: Any, **options: Any) -> int:
        """Insert, and return the number of rows when the server has said that they are in. Raises its exception."""
        await self.send_query(query_without_data, query_id=options["query_id"])
        await self.send_external_tables(options["external_tables"])
        sample = await self.receive_sample_block()
        _demand_types(sample)
        columns = data if options["columnar"] else list(zip(*data, strict=True))
        await self._send_columns(sample.columns_with_types, columns)
        # False is the end of the stream, an exception raises, all else is on the way there.
        while await self.receive_packet():
            pass
        return len(columns[0])

    async def _send_columns(self, columns_with_types: Sequence[tuple[str, str]], columns: Sequence[Any]) -> None:
        """Send the columns as one block, and the empty one that ends the data."""
        await self.writer.write_varint(ClientPacket.DATA)
        await self.writer.write_str("")
        body = self.block_writer.writer
        await _block.BlockInfo().write(body)
        await body.write_varint(len(columns))
        await body.write_varint(len(columns[0]))
        for (name, kind), values in zip(columns_with_types, columns, strict=True):
            await body.write_str(name)
            await body.write_str(kind)
            written = memoryview(native.column(kind, values))
            for start in range(0, len(written), _PIECE):  # a silence is as long as one of these takes, not a column
                await body.write_bytes(written[start : start + _PIECE])
        await self.block_writer.finalize()
        await self.send_block(_block.ColumnOrientedBlock())

    async def receive_sample_block(self) -> Any:
        """The empty block that names the columns, past anything that comes before it."""
        while packet := await self.receive_packet():
            if packet is not True and packet.type == ServerPacket.DATA:
                return packet.block
        raise ConnectionError("ClickHouse ended the INSERT before it took any data")

    async def disconnect(self) -> None:
        """Cut the connection at once.

        asynch's own way waits until everything has been sent, which is for ever when the server reads no more.
        """
        buffered = self.writer
        self.reset_state()
        if buffered is not None and buffered.writer is not None:
            buffered.writer.transport.abort()
            # Whatever ended the connection has been raised where it was used.
            with contextlib.suppress(OSError):
                await buffered.writer.wait_closed()


def trace_settings() -> dict[str, str]:
    """What makes a query part of the present trace, if there is one: the server's spans then continue it.

    asynch takes this out of the settings and sends it in the query's client information, in version 00 of the format
    only (later ones begin with the same four fields), and with the halves of the trace's id in the order that servers
    had before 22.2. All since have the first half first, so it is given the halves the other way round.
    """
    present = traceparent.get()
    if not present:
        return {}
    _version, trace_id, span_id, flags = present.split("-")
    return {"opentelemetry_traceparent": f"00-{trace_id[16:]}{trace_id[:16]}-{span_id}-{flags}"}


def _demand_types(sample: Any) -> None:
    """Pass if the columns about to be written are of the types they were when the table was looked at.

    asynch encodes for whatever type it meets: the integer 1 becomes a NUL character in a String.
    """
    for name, kind in sample.columns_with_types:
        if kind != COLUMNS.get(name, kind):
            raise StoreMisconfigured(reason=f"the column {name} is {kind} and must be {COLUMNS[name]}")
