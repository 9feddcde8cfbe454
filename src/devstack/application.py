"""The application's own processes: migrations first, then the web server, a Celery worker and beat."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.folder import SOURCE
from devstack.ports import HOST
from devstack.service import Ready, Service

_ENGINES = ("postgres", "valkey", "clickhouse")
_MIGRATIONS = ("migrate", "event-store")


def services(*, folder: Path, port: int, environment: Mapping[str, str]) -> list[Service]:
    """All of them, as services that need the engines."""
    everything = (*_ENGINES, *_MIGRATIONS)
    shared = {**environment, "PYTHONPATH": str(SOURCE)}
    manage, celery = [sys.executable, "manage.py"], [sys.executable, "-m", "celery", "--app", "core"]
    return [
        Service(
            name="migrate", argv=[*manage, "migrate", "--noinput"], oneshot=True,
            needs=["postgres"], environment=shared, folder=SOURCE,
        ),
        Service(
            name="event-store", argv=[*manage, "migrate_event_store"], oneshot=True,
            needs=["clickhouse"], environment=shared, folder=SOURCE,
        ),
        Service(
            name="web", argv=[*manage, "runserver", f"{HOST}:{port}"],
            ready=_port_answers(port), needs=everything, environment=shared, folder=SOURCE,
        ),
        Service(
            name="worker", argv=[*celery, "worker", "--concurrency", "2"],
            # Its broker dies in the same moment, so a polite end would wait for it; unfinished work is leased again.
            orphan_signal=signal.SIGKILL, needs=everything, environment=shared, folder=SOURCE,
        ),
        Service(
            name="beat", argv=[*celery, "beat", "--schedule", str(folder / "celerybeat-schedule")],
            needs=everything, environment=shared, folder=SOURCE,
        ),
    ]  # fmt: skip


def _port_answers(port: int) -> Ready:
    async def answers(_: int) -> bool:
        try:
            _reader, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            return False
        writer.close()
        return True

    return answers
