"""Memory: what web server, worker and beat have resident, idle and at the most under load; payloads small and huge.

Figures are the kernel's (RSS), so what a forked child shares with its parent counts in both.
"""

import os
import time
from collections.abc import Iterator, Mapping

from bench.api import logged_in
from bench.findings import Finding, Goal, Result, size
from bench.ground import clickhouse, empty, execute, record
from bench.load import Request, send
from bench.processes import children, resident_mib, started, web_server
from bench.visibility import application

_MIB = 1024 * 1024
_MOST_MB = 300
_FIVE_MB = "of 5 MB"
EVENTS = size(tiny=1_000, usual=200_000, full=1_000_000)
HUGE = size(tiny=3, usual=40, full=60)
SECONDS = size(tiny=0.5, usual=4, full=15)
SETTLE = size(tiny=0.5, usual=3, full=10)
_CASES = {
    "nothing to deliver": (0, 0),
    f"{EVENTS:,} events of 300 bytes": (EVENTS, 270),
    f"{HUGE} events {_FIVE_MB}": (HUGE, 5_000_000),
    "10 events of 16 MiB": (10, 16 * _MIB - 100),
}
CASES = dict(list(_CASES.items())[: size(tiny=1, usual=len(_CASES), full=len(_CASES))])
_CHUNK = 10_000


def measure() -> Iterator[Finding]:
    yield from _processes()
    yield from _deliveries()


def _processes() -> Iterator[Finding]:
    """The installation as it runs: idle, and after requests, a backlog and huge payloads."""
    empty()
    token = logged_in()
    with web_server() as (web, port), application() as celery:
        _deliver(1)
        time.sleep(SETTLE)
        pids = _by_role(web, celery)
        idle = {role: resident_mib(pid) for role, pid in pids.items()}
        me = Request(method="GET", path="/api/users/me/", status=200, token=token)
        send(me, port=port, connections=16, seconds=SECONDS)
        _deliver(EVENTS)
        loaded = {role: resident_mib(pid, most=True) for role, pid in pids.items()}
        for _ in range(HUGE):
            _deliver(1, payload_bytes=5_000_000, wait=False)
        _await_delivery()
        huge = {role: resident_mib(pid, most=True) for role, pid in pids.items()}
    for role in pids:
        yield Result(
            what=f"{role}: idle", measured=f"{idle[role]:,.0f} MiB",
            compared=f"at the most {loaded[role]:,.0f} under load, {huge[role]:,.0f} after payloads of 5 MB",
        )  # fmt: skip
    most = max(figure for role, figure in huge.items() if role.startswith("worker"))
    yield Goal(
        asked=f"payloads of 5 MB: a worker's process at most {_MOST_MB} MB", met=most * 1.048576 <= _MOST_MB,
        found=f"{most * 1.048576:,.0f} MB in Celery's largest",
    )  # fmt: skip


def _by_role(web: int, celery: Mapping[str, int]) -> dict[str, int]:
    forked = {f"worker, child {number}": pid for number, pid in enumerate(children(celery["worker"]), start=1)}
    return {"web": web, "worker, parent": celery["worker"], **forked, "beat": celery["beat"]}


def _deliver(events: int, *, payload_bytes: int = 270, wait: bool = True) -> None:
    """Record, and have the running worker deliver."""
    for first in range(0, events, _CHUNK):
        record(min(_CHUNK, events - first), payload_bytes=payload_bytes)
    if wait:
        _await_delivery()


def _await_delivery() -> None:
    deadline = time.monotonic() + 120
    recorded = execute("SELECT count(*) FROM outbox_event")[0][0]
    while clickhouse("SELECT count() FROM event_log")[0][0] < recorded:
        assert time.monotonic() < deadline, "not everything is delivered"
        time.sleep(0.2)


def _deliveries() -> Iterator[Finding]:
    """A process that delivers everything and ends."""
    from outbox.sealing import seal_all

    for what, (events, payload_bytes) in CASES.items():
        empty()
        chunk = _CHUNK if payload_bytes < _MIB else 1
        for first in range(0, events, chunk):
            record(min(chunk, events - first), payload_bytes=payload_bytes)
        seal_all()
        peak = _peak()
        yield Result(what=f"outbox deliver, at the most: {what}", measured=f"{peak:,.0f} MB")
        if _FIVE_MB in what:
            yield Goal(
                asked=f"payloads of 5 MB: outbox deliver at most {_MOST_MB} MB", met=peak <= _MOST_MB,
                found=f"{peak:,.0f} MB",
            )  # fmt: skip


def _peak() -> float:
    """MB resident at the most in a process that delivers everything."""
    answers, answer = os.pipe()
    command = ("-m", "bench.peak", "outbox", "deliver", "--sealed-only", "--json")
    with started(*command, environment={"BENCH_ANSWER": str(answer)}, pass_fds=(answer,)) as process:
        os.close(answer)
        assert process.wait() == 0
    with os.fdopen(answers) as told:
        return float(told.read()) * _MIB / 1e6
