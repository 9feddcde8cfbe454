"""Contestants move the same events from PostgreSQL to ClickHouse, in turns, each with worker processes of its own.

A contestant is a module with six functions: `prepare` makes its tables, `fill` puts so many events before it and `add`
so many more, `begin` is what comes once before the workers go (its time counts), `drain` is what each worker does,
`arrived` counts what came.
"""

import importlib
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol, cast

from bench.findings import Result
from bench.processes import Engines, processor_seconds, started


class Contestant(Protocol):
    """What a contestant's module has."""

    def prepare(self) -> None: ...
    def fill(self, events: int) -> None: ...
    def add(self, events: int) -> None: ...
    def begin(self) -> None: ...
    def drain(self) -> None: ...
    def arrived(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A contestant's start: with so many workers, so many events, and these settings for the workers."""

    name: str
    module: str
    events: int
    workers: int = 1
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of one start. `processor` is seconds by who used them; empty where nobody could look."""

    events: int
    seconds: float
    processor: dict[str, float]

    @property
    def rate(self) -> float:
        return self.events / self.seconds


class Team:
    """A contestant with its workers, ready to start."""

    def __init__(self, entry: Entry, workers: Sequence["_Worker"]) -> None:
        self.entry, self._workers = entry, workers
        self.contestant = cast("Contestant", importlib.import_module(entry.module))

    def get_ready(self) -> None:
        self.contestant.prepare()
        for worker in self._workers:
            worker.wait()

    def run(self, events: int) -> Run:
        """Have so many events delivered, from a fresh start."""
        self.contestant.fill(events)
        run = self._timed(events)
        arrived = self.contestant.arrived()
        assert arrived == events, f"{self.entry.name}: {arrived} of {events} events have arrived"
        return run

    def go_on(self, events: int) -> Run:
        """Have so many more events delivered."""
        self.contestant.add(events)
        return self._timed(events)

    def _timed(self, events: int) -> Run:
        engines = Engines()
        before, started_at = self._used(engines), time.perf_counter()
        self.contestant.begin()
        for worker in self._workers:
            worker.go()
        for worker in self._workers:
            worker.wait()
        seconds, after = time.perf_counter() - started_at, self._used(engines)
        return Run(events=events, seconds=seconds, processor={name: after[name] - before[name] for name in after})

    def _used(self, engines: Engines) -> dict[str, float]:
        return {"workers": sum(worker.processor_seconds() for worker in self._workers), **engines.processor_seconds()}


@contextmanager
def teams(entries: Sequence[Entry]) -> Iterator[list[Team]]:
    """The entries' teams, with their tables; their processes start all at once and end in the end."""
    with ExitStack() as stack:
        figures = stack.enter_context(tempfile.TemporaryDirectory())
        found = []
        for entry in entries:
            environment = {"PROMETHEUS_MULTIPROC_DIR": figures, **entry.environment}
            workers = [stack.enter_context(_worker(entry.module, environment)) for _ in range(entry.workers)]
            found.append(Team(entry, workers))
        for each in found:
            each.get_ready()
        yield found


def race(running: Sequence[Team], *, rounds: int, share: float = 1.0) -> dict[str, list[Run]]:
    """Every entry's runs with this share of its events, one a round; in a round they take turns in random order."""
    for each in running:  # what the first run pays for connections and plans is not what is measured
        each.run(round(share * each.entry.events))
    runs: dict[str, list[Run]] = {each.entry.name: [] for each in running}
    for _ in range(rounds):
        for each in random.sample(running, len(running)):
            runs[each.entry.name].append(each.run(round(share * each.entry.events)))
    return runs


def rates(runs: Sequence[Run]) -> list[float]:
    return [run.rate for run in runs]


def shares(runs: Sequence[Run]) -> str:
    """Who used the processor: microseconds an event, and how busy that kept the machine's cores."""
    each = _microseconds(runs)
    if not each:
        return "nobody could look at the engines' processes"
    busy = median(sum(run.processor.values()) / run.seconds for run in runs)
    told = ", ".join(f"{name} {microseconds:.1f}" for name, microseconds in each.items())
    return f"µs of processor an event: {told}; {busy:.1f} of {os.cpu_count()} cores busy"


def processor(what: str, runs: Sequence[Run]) -> Iterator[Result]:
    """A line of the table about that, if it is known."""
    if each := _microseconds(runs):
        yield Result(what=what, measured=f"{sum(each.values()):.1f} µs of processor", compared=shares(runs))


def _microseconds(runs: Sequence[Run]) -> dict[str, float]:
    """Of processor an event, by who used them; nothing unless everybody's are known."""
    if len(runs[0].processor) < 3:
        return {}
    return {name: median(run.processor[name] / run.events for run in runs) * 1e6 for name in runs[0].processor}


class _Worker:
    def __init__(self, pid: int, orders: int, answers: int) -> None:
        self._pid = pid
        self._orders = os.fdopen(orders, "w", buffering=1)
        self._answers = os.fdopen(answers)

    def go(self) -> None:
        self._orders.write("go\n")

    def wait(self) -> None:
        answer = self._answers.readline()
        assert answer, "a worker has ended before its work was done"

    def processor_seconds(self) -> float:
        return processor_seconds(self._pid)

    def close(self) -> None:
        self._orders.close()
        self._answers.close()


@contextmanager
def _worker(module: str, environment: dict[str, str]) -> Iterator[_Worker]:
    orders_out, orders_in = os.pipe()
    answers_out, answers_in = os.pipe()
    command = ("-m", "bench.worker", module, str(answers_in))
    with started(*command, environment=environment, pass_fds=(answers_in,), stdin=orders_out) as process:
        os.close(orders_out)
        os.close(answers_in)
        worker = _Worker(process.pid, orders_in, answers_out)
        try:
            yield worker
        finally:
            worker.close()
