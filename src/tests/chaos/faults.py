"""The kinds of fault, how often each is drawn, and how it is done. A fault says whether it struck."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from tests.chaos.crowd import Crowd
from tests.chaos.installation import Installation
from tests.chaos.wire import Moment, Snag

# Until an INSERT comes along.
_PATIENCE = 5.0
_LEASE = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault can get at."""

    installation: Installation
    crowd: Crowd
    dice: random.Random


type Fault = Callable[[Scene], bool]


def _killed(role: str) -> Fault:
    """SIGKILL at a random point."""

    def strike(scene: Scene) -> bool:
        if pids := scene.crowd.pids(role):
            scene.crowd.kill(scene.dice.choice(pids))
        return bool(pids)

    return strike


def _paused(scene: Scene) -> bool:
    """SIGSTOP at a random point, until another has had the time to overtake it."""
    if pids := scene.crowd.pids("relay") + scene.crowd.pids("child"):
        scene.crowd.pause(scene.dice.choice(pids), seconds=_LEASE + scene.dice.uniform(0.2, 1.5))
    return bool(pids)


def _killed_at(moment: Moment) -> Fault:
    """SIGKILL to whoever sends the INSERT, at this moment of it."""

    def strike(scene: Scene) -> bool:
        def kill(port: int) -> None:
            if pid := scene.crowd.owner(port):
                scene.crowd.kill(pid)
                struck.append(pid)

        struck: list[int] = []
        # The connection is cut as well: what the dead would have sent must not be waited for.
        return _snagged(scene, Snag(moment, share=scene.dice.random(), cuts=True, deed=kill)) and bool(struck)

    return strike


def _paused_at(moment: Moment) -> Fault:
    """SIGSTOP to whoever sends the INSERT, at this moment, for longer than its lease; then it goes on."""

    def strike(scene: Scene) -> bool:
        def pause(port: int) -> None:
            if pid := scene.crowd.owner(port):
                scene.crowd.pause(pid, seconds=_LEASE + scene.dice.uniform(0.2, 1.5))
                struck.append(pid)

        struck: list[int] = []
        return _snagged(scene, Snag(moment, share=scene.dice.random(), cuts=False, deed=pause)) and bool(struck)

    return strike


def _cut_at(moment: Moment) -> Fault:
    """The connection is reset at this moment of an INSERT; the worker lives."""

    def strike(scene: Scene) -> bool:
        return _snagged(scene, Snag(moment, share=scene.dice.random(), cuts=True))

    return strike


def _snagged(scene: Scene, snag: Snag) -> bool:
    scene.installation.wire.arm(snag)
    struck = snag.struck.wait(_PATIENCE)
    if not struck:
        scene.installation.wire.disarm()
    return struck


def _backend_terminated(scene: Scene) -> bool:
    """One of the database's sessions is ended by an administrator; a busy one if there is one."""
    with scene.installation.postgres() as database:
        found = database.execute(
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            " ORDER BY state = 'idle', md5(pid::text || %s) LIMIT 1) AS chosen",
            (str(scene.dice.random()),),
        ).fetchone()
    return found is not None and bool(found[0])


def _engine_killed(name: str) -> Fault:
    """SIGKILL to a server and all its processes; it is started again on the same data."""

    def strike(scene: Scene) -> bool:
        scene.installation.engines[name].kill()
        scene.installation.engines[name].start()
        return True

    return strike


# The kind, its share of all faults in thousandths, and what it does.
KINDS: dict[str, tuple[int, Fault]] = {
    "relay killed": (110, _killed("relay")),
    "relay killed within the data": (75, _killed_at(Moment.DATA)),
    "relay killed while ClickHouse was at it": (75, _killed_at(Moment.AT_WORK)),
    "relay killed at the acknowledgement": (100, _killed_at(Moment.ANSWER)),
    "relay killed after the acknowledgement": (75, _killed_at(Moment.ANSWERED)),
    "relay paused past its lease": (30, _paused),
    "relay paused before the data": (20, _paused_at(Moment.STATEMENT)),
    "relay paused at the acknowledgement": (20, _paused_at(Moment.ANSWERED)),
    "Celery child killed": (80, _killed("child")),
    "Celery worker killed": (8, _killed("worker")),
    "Celery beat killed": (8, _killed("beat")),
    "sealer killed": (90, _killed("sealer")),
    "writer killed": (90, _killed("writer")),
    "connection cut before the data": (25, _cut_at(Moment.STATEMENT)),
    "connection cut within the data": (35, _cut_at(Moment.DATA)),
    "connection cut while ClickHouse was at it": (35, _cut_at(Moment.AT_WORK)),
    "connection cut at the acknowledgement": (35, _cut_at(Moment.ANSWER)),
    "connection cut after the acknowledgement": (15, _cut_at(Moment.ANSWERED)),
    "PostgreSQL session terminated": (44, _backend_terminated),
    "PostgreSQL killed": (10, _engine_killed("postgres")),
    "Valkey killed": (10, _engine_killed("valkey")),
    "ClickHouse killed": (10, _engine_killed("clickhouse")),
}


def drawn(count: int, *, dice: random.Random) -> list[str]:
    """The kinds of so many faults in random order: each by its share, and at least once."""
    kinds = list(KINDS)[:count]
    kinds += dice.choices(list(KINDS), weights=[share for share, _ in KINDS.values()], k=count - len(kinds))
    dice.shuffle(kinds)
    return kinds


def strike(kind: str, scene: Scene) -> bool:
    """Do it; False if there was nothing to strike at, or the server it needs was away."""
    try:
        return KINDS[kind][1](scene)
    except psycopg.OperationalError:
        return False
