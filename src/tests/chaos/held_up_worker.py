"""A worker that is held up in the store, while others take over, and goes on later."""

from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connection

from outbox import relay
from outbox.models import OutboxBatch
from outbox.relay import Outcome
from tests.chaos.unreliable_store import Trouble, Visit, WorkerDied, visit


class HeldUpWorker:
    """A thread that delivers one batch and is held up in the store, "before" or "after" it keeps the batch."""

    def __init__(self, *, held_up: str) -> None:
        self.visit = Visit(held_up=held_up)
        self._threads = ThreadPoolExecutor(1)
        self._work: Future[Outcome | None] = self._threads.submit(self._deliver)
        self.visit.arrived.wait(30)
        self.is_held_up = self.visit.is_held_up
        self.fence = OutboxBatch.objects.get(pk=self.visit.batch_id).fence if self.is_held_up else 0

    def go_on(self, trouble: Trouble) -> Outcome | None:
        self.visit.trouble = trouble
        self.visit.go_on()
        return self.end()

    def end(self) -> Outcome | None:
        """How its attempt ended; None if it died."""
        try:
            return self._work.result(timeout=30)
        finally:
            self._threads.shutdown()

    def _deliver(self) -> Outcome | None:
        visit.set(self.visit)
        try:
            return relay.deliver_one()[0]
        except WorkerDied:
            return None
        finally:
            connection.close()
            self.visit.arrived.set()
