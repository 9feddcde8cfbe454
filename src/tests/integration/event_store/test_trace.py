"""The present trace goes to ClickHouse with every query, in the place the native protocol has for it."""

import struct
from uuid import uuid4

import pytest

from events.stores.clickhouse import ClickHouseEventStore
from kit.span import traceparent
from tests.contracts.batches import batch
from tests.integration.event_store.scripted_server import END_OF_STREAM, scripted

pytestmark = pytest.mark.asyncio

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
# ClickHouse has the trace's id as a UUID: two little-endian halves. Then the span, the (empty) state and the flags.
ON_THE_WIRE = b"\x01" + struct.pack("<QQQ", int(TRACE[:16], 16), int(TRACE[16:], 16), int(SPAN, 16)) + b"\x00\x01"


async def asked(present: str) -> bytes:
    """What a server is sent for a question that is asked within this trace."""
    traceparent.set(present)
    async with scripted(END_OF_STREAM) as (script, port):
        store = ClickHouseEventStore(host="127.0.0.1", port=port)
        await store.digests([uuid4()])
        await store.close()
    return script.received[0]


@pytest.mark.parametrize("version", ["00", "cc"])
async def test_a_query_is_part_of_the_present_trace(version):
    sent = await asked(f"{version}-{TRACE}-{SPAN}-01")
    assert ON_THE_WIRE in sent
    assert b"opentelemetry" not in sent


async def test_without_a_trace_there_is_none_on_the_wire():
    assert bytes.fromhex(SPAN)[::-1] not in await asked("")


async def test_a_real_append_within_a_trace_arrives(stores, database):
    traceparent.set(f"00-{TRACE}-{SPAN}-01")
    store, whole = stores(database=database), batch(rows=3)
    await store.append(whole)
    assert len(await store.stored(whole.batch_id)) == 3
