"""How a block goes onto the wire: in pieces, for each of which the server may take its time."""

from types import SimpleNamespace
from typing import Any

import pytest

from events.stores.clickhouse.connection import DrainingConnection


class Recorder:
    """A writer that waits for nobody and keeps what it is given."""

    def __init__(self):
        self.written: list[bytes] = []

    async def write_bytes(self, data):
        self.written.append(bytes(data))

    def __getattr__(self, name):
        async def wrote(*_):
            pass

        return wrote


@pytest.mark.asyncio
@pytest.mark.parametrize("texts", [["x" * 5_000_000], ["x" * 300] * 20_000, ["short"], ["", "x" * (2**20)]])
async def test_no_more_than_a_megabyte_is_waited_for_at_a_time(texts):
    body = Recorder()
    fake: Any = SimpleNamespace(
        writer=Recorder(), send_block=Recorder().send, block_writer=SimpleNamespace(writer=body, finalize=body.finalize)
    )
    await DrainingConnection._send_columns(fake, [("event_context", "String")], [texts])
    assert max(map(len, body.written)) <= 2**20
    sent = b"".join(body.written)
    assert all(text.encode() in sent for text in texts)
    assert len(sent) > sum(map(len, texts))
