"""A store that lives in memory and fails in a certain way, and what it has of the batches."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest

from events.store import Batch, StoreRefused
from events.stores.memory import MemoryEventStore
from outbox import relay
from outbox.breaker import Breaker
from outbox.event_store import wait_for
from outbox.sealing import seal
from tests.integration.outbox.conftest import batches, execute, record


class FailingStore(MemoryEventStore):
    """Does as its script says, append by append: an error before or after the batch was kept, or None."""

    def __init__(self, *script: tuple[str, Exception] | None) -> None:
        super().__init__()
        self.script = list(script)
        self.appended: list[Batch] = []
        self.asked: list[UUID] = []
        self.poison: set[str] = set()

    async def append(self, batch: Batch) -> None:
        self.appended.append(batch)
        when, error = (self.script.pop(0) if self.script else None) or ("", None)
        if when == "before":
            raise error
        if self.poison & set(batch.events.context):
            raise StoreRefused(reason="poison")
        await super().append(batch)
        if when == "after":
            raise error

    async def stored(self, batch_id: UUID) -> Mapping[str, Sequence[int]]:
        self.asked.append(batch_id)
        return await super().stored(batch_id)


@pytest.fixture
def store(monkeypatch):
    failing = FailingStore()
    monkeypatch.setattr(relay, "event_store", lambda: failing)
    monkeypatch.setattr(relay, "breaker", Breaker())
    return failing


@pytest.fixture
def sealed(store):
    record(1, 2, 3, 4)
    seal()


def make_due() -> None:
    execute("UPDATE outbox_batch SET due_at = now() - interval '1 second' WHERE state = 'sealed'")


def stored_events(store: MemoryEventStore) -> int:
    digests = wait_for(store.digests([batch["batch_id"] for batch in batches()]))
    assert all(digest.rows == digest.events for digest in digests.values())
    return sum(digest.rows for digest in digests.values())
