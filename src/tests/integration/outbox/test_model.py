"""The outbox against a model: hypothesis makes up histories of writers, sealers, workers, failures and operators.

Everything is real (PostgreSQL, sealing, ledger, relay, rotation) but the store, which fails in every way the port
allows. After every step nothing may be lost, repeated or inconsistent; after draining, everything must have arrived.
"""

import sys
from contextlib import ExitStack
from typing import Any, ClassVar

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from outbox import event_store, quarantine, relay
from outbox.relay import Outcome
from outbox.replay import replay
from outbox.rotation import rotate
from outbox.sealing import seal, seal_all
from outbox.status import status
from tests.chaos.held_up_worker import HeldUpWorker
from tests.chaos.unreliable_store import Trouble, UnreliableStore
from tests.integration.outbox import steps
from tests.integration.outbox.conftest import Writer, fetch
from tests.integration.outbox.promises import hold_promises

# Other ones in each run; with --hypothesis-profile=long, two hundred.
HISTORIES = hypothesis_settings.default.max_examples // 10
# At most so many events in one sealing; 0: nobody seals.
limits = st.sampled_from([100, 0, 1, 4])
counts = st.integers(min_value=1, max_value=5)
troubles = st.sampled_from([Trouble.NONE, Trouble.NONE, *Trouble])
overtakers = st.sampled_from([Trouble.NOT_REACHED, Trouble.ANSWER_LOST, Trouble.DEATH_BEFORE, Trouble.NONE, None])


class Outbox(RuleBasedStateMachine):
    """Its rules are what may happen in production, its invariants what the outbox promises."""

    settings: ClassVar[Any]  # pytest-django's; hypothesis makes the machine, so it cannot be an argument

    recorded: dict[int, str]  # every event ever committed

    sessions = Bundle("sessions")
    workers = Bundle("workers")

    def __init__(self) -> None:
        super().__init__()
        self.recorded = {}
        self.committed = 0
        self.held_up: list[HeldUpWorker] = []
        self.open: list[Writer] = []
        self.states: set[str] = set()

    @initialize()
    def begin_empty(self) -> None:
        steps.empty_the_outbox()
        event_store._store.cache_clear()
        relay.breaker.reset()
        self.store.poison = steps.POISON

    @property
    def store(self) -> UnreliableStore:
        store = event_store.event_store()
        assert isinstance(store, UnreliableStore)
        return store

    @rule(count=counts, poisoned=st.sampled_from([1, 0, 0, 2]), limit=limits)
    def record(self, count: int, poisoned: int, limit: int) -> None:
        steps.record(count, poisoned=poisoned)
        self.committed += count
        self._seal(limit)

    @rule(count=counts, limit=limits)
    def record_in_a_slot_of_long_ago(self, count: int, limit: int) -> None:
        steps.record_long_ago(count)
        self.committed += count
        self._seal(limit)

    @rule(target=sessions, count=counts, limit=limits)
    def begin_another_session_and_overtake_it(self, count: int, limit: int) -> tuple[Writer, int]:
        session = Writer().record(*range(count))
        self.open.append(session)
        self.record(count=1, poisoned=0, limit=limit)
        return session, count

    @rule(session=consumes(sessions), commit=st.sampled_from([True, True, False]), limit=limits)
    def end_the_session(self, *, session: tuple[Writer, int], commit: bool, limit: int) -> None:
        writer, count = session
        self.open.remove(writer)
        if commit:
            writer.commit()
            self.committed += count
        writer.close()
        self._seal(limit)

    @precondition(lambda self: "sealed" in self.states)
    @rule(troubles=st.lists(troubles, min_size=1, max_size=6), later=st.booleans())
    def deliver(self, *, troubles: list[Trouble], later: bool) -> None:
        for trouble in troubles:
            if later:
                steps.let_leases_and_backoffs_run_out()
            steps.deliver_one(trouble)

    @precondition(lambda self: "sealed" in self.states)
    @rule(target=workers, held_up=st.sampled_from(["before", "after"]), overtaken_by=overtakers)
    def hold_up_a_worker_and_overtake_it(self, held_up: str, overtaken_by: Trouble | None) -> Any:
        steps.let_leases_and_backoffs_run_out()
        steps.order_what_is_due()
        worker = HeldUpWorker(held_up=held_up)
        if not worker.is_held_up:
            worker.end()
            return multiple()
        self.held_up.append(worker)
        if overtaken_by is not None:
            self.deliver(troubles=[overtaken_by], later=True)
        return worker

    @rule(worker=consumes(workers), trouble=troubles)
    def the_worker_goes_on(self, worker: HeldUpWorker, trouble: Trouble) -> None:
        self.held_up.remove(worker)
        self._wake(worker, trouble)

    # That data is kept by a call under way and refused to a later one is not in the model: docs/delivery.md names it
    # among the assumptions.
    @precondition(lambda self: not self.held_up)
    @rule()
    def poison_the_store_again(self) -> None:
        self.store.poison = steps.POISON

    @precondition(lambda self: "quarantined" in self.states)
    @rule(seed=st.integers(), decision=st.sampled_from(["release", "heal and release", "discard"]))
    def decide_on_quarantined_events(self, *, seed: int, decision: str) -> None:
        if decision == "heal and release":
            self.store.poison = None
        for batch_id in steps.some_batches("quarantined", seed=seed):
            if decision == "discard":
                quarantine.discard(batch_id, by="1", because="it is poison")
                self.committed += 1
            else:
                quarantine.release(batch_id)

    @precondition(lambda self: "delivered" in self.states)
    @rule(seed=st.integers())
    def replay(self, seed: int) -> None:
        replay(steps.some_batches("delivered", seed=seed))

    @rule()
    def rotate(self) -> None:
        rotate()

    @invariant()
    def nothing_is_lost_repeated_or_inconsistent(self) -> None:
        self.recorded |= {row["id"]: str(row["event_id"]) for row in fetch("SELECT id, event_id FROM outbox_event")}
        assert len(self.recorded) == self.committed, "a committed event is not in the outbox"
        self.states = hold_promises(recorded=self.recorded, kept=self.store.copies())

    def teardown(self) -> None:
        with ExitStack() as everybody_goes:
            for worker in self.held_up:
                everybody_goes.callback(self._wake, worker, Trouble.NONE)
            for session in self.open:
                everybody_goes.callback(session.close)
        if sys.exc_info()[0] is None:  # else hypothesis is about to report a broken invariant
            self._drain()
            self.nothing_is_lost_repeated_or_inconsistent()
            assert status().unsealed_events == 0
            assert not fetch("SELECT FROM outbox_batch WHERE state IN ('sealed', 'quarantined')")

    def _wake(self, worker: HeldUpWorker, trouble: Trouble) -> None:
        """Who was overtaken can change nothing any more."""
        (before,) = fetch("SELECT * FROM outbox_batch WHERE batch_id = %s", worker.visit.batch_id)
        outcome = worker.go_on(trouble)
        if before["fence"] > worker.fence and outcome is not None:
            assert outcome == Outcome.LEASE_LOST
            assert fetch("SELECT * FROM outbox_batch WHERE batch_id = %s", worker.visit.batch_id) == [before]

    def _drain(self) -> None:
        self.store.poison = None
        seal_all()
        for row in fetch("SELECT batch_id FROM outbox_batch WHERE state = 'quarantined'"):
            quarantine.release(row["batch_id"])
        steps.let_leases_and_backoffs_run_out()
        while steps.deliver_one(Trouble.NONE) != Outcome.NOTHING_DUE:
            pass

    def _seal(self, limit: int) -> None:
        if limit:
            self.settings.OUTBOX_SEAL_LIMIT = limit
            seal()


def test_no_history_of_crashes_and_failures_loses_or_repeats_an_event(settings):
    settings.OUTBOX_BATCH_ROWS = 3
    settings.OUTBOX_RETENTION = 86400
    # No lease and no backoff ends by itself, so that nothing depends on the clock.
    settings.OUTBOX_LEASE_SECONDS = settings.OUTBOX_BACKOFF_BASE = settings.OUTBOX_BACKOFF_CAP = 1e8
    settings.EVENT_STORE = {"BACKEND": "tests.chaos.unreliable_store.UnreliableStore", "OPTIONS": {}}
    Outbox.settings = settings
    try:
        run_state_machine_as_test(
            Outbox,
            settings=hypothesis_settings(
                max_examples=HISTORIES,
                stateful_step_count=40,
                deadline=None,
                # Each step is a round trip to PostgreSQL; how long they take together is bounded above.
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
    finally:
        event_store._store.cache_clear()
