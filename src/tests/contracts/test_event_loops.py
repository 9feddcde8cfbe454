"""A store serves one event loop after another, as management commands and tests have them."""

import asyncio
from typing import Any

from tests.contracts.batches import batch


def test_a_store_serves_two_event_loops_in_sequence(make_store):
    store, whole = make_store(), batch(rows=2)

    async def append() -> None:
        await store.append(whole)
        await store.close()

    async def read() -> Any:
        digests = await store.digests([whole.batch_id])
        await store.close()
        return digests[whole.batch_id].rows

    asyncio.run(append())
    asyncio.run(append())
    assert asyncio.run(read()) == 2
