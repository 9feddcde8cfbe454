"""A store that fails in every way the port allows: before it keeps a batch, after, when asked, for good, or slowly."""

import asyncio
import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from enum import Enum
from uuid import UUID

from events.store import Batch, Digest, StoreRefused, StoreUnavailable
from events.stores.memory import MemoryEventStore


class Trouble(Enum):
    """What befalls one visit to the store."""

    NONE = "none"
    NOT_REACHED = "unavailable before it keeps the batch"
    ANSWER_LOST = "unavailable after it has kept the batch"
    NO_ANSWER = "unavailable when asked what it has"
    DEATH_BEFORE = "the worker dies before the store keeps the batch"
    DEATH_AFTER = "the worker dies after the store has kept the batch"


class WorkerDied(Exception):
    """Whatever would have followed the call to the store does not happen."""


class Visit:
    """One worker's call to the store: what befalls it, and whether it is held up at the door or on the way out."""

    def __init__(self, trouble: Trouble = Trouble.NONE, *, held_up: str = "") -> None:
        self.trouble = trouble
        self.arrived = threading.Event()
        self.is_held_up = False
        self.batch_id = UUID(int=0)
        self._held_up = held_up
        self._goes_on: Future[None] = Future()

    def go_on(self) -> None:
        self._goes_on.set_result(None)

    async def at(self, place: str) -> None:
        if place == self._held_up:
            self.is_held_up = True
            self.arrived.set()
            await asyncio.wrap_future(self._goes_on)


# The calling thread's; `wait_for` takes it along into the store's event loop.
visit: ContextVar[Visit] = ContextVar("visit")


class UnreliableStore(MemoryEventStore):
    """Refuses batches with `poison` in a payload, and does to each visitor what the visit says."""

    def __init__(self) -> None:
        super().__init__()
        self.poison: str | None = None

    async def append(self, batch: Batch) -> None:
        """Keep the batch, unless it is poisoned, or trouble comes first."""
        if self.poison is not None and any(self.poison in context for context in batch.events.context):
            raise StoreRefused(reason=f"{self.poison} in the payload")
        now = visit.get(Visit())
        now.batch_id = batch.batch_id
        await now.at("before")
        _befall(now.trouble, {Trouble.NOT_REACHED: _UNAVAILABLE, Trouble.DEATH_BEFORE: WorkerDied()})
        await super().append(batch)
        await now.at("after")
        _befall(now.trouble, {Trouble.ANSWER_LOST: _UNAVAILABLE, Trouble.DEATH_AFTER: WorkerDied()})

    async def stored(self, batch_id: UUID) -> Mapping[str, Sequence[int]]:
        """What it has of this batch, if it answers."""
        _befall(visit.get(Visit()).trouble, {Trouble.NO_ANSWER: _UNAVAILABLE})
        return await super().stored(batch_id)

    async def digests(self, batch_ids: Collection[UUID]) -> Mapping[UUID, Digest]:
        """The digests, if it answers."""
        _befall(visit.get(Visit()).trouble, {Trouble.NO_ANSWER: _UNAVAILABLE})
        return await super().digests(batch_ids)

    def copies(self) -> dict[UUID, dict[str, int]]:
        """By batch and event, how many copies it has: what a look behind the port shows."""
        return {
            batch_id: {event_id: len(copies) for event_id, copies in events.items()}
            for batch_id, events in self._fingerprints.items()
        }


_UNAVAILABLE = StoreUnavailable(reason="the double was told so")


def _befall(trouble: Trouble, errors: Mapping[Trouble, Exception]) -> None:
    if trouble in errors:
        raise errors[trouble]
