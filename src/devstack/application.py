"""The application's own processes: migrations first, then the web server, a Celery worker and beat."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.folder import SOURCE
from devstack.ports import HOST
from devstack.service import Ready, Service

_ENGINES = ("postgres", "valkey", "clickhouse")
_MIGRATIONS = ("migrate", "event-store")
# Celery's eight lines of warning are for servers.
_ROOT_IS_WELCOME = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges"}


def services(*, folder: Path, port: int, environment: Mapping[str, str], colour: bool) -> list[Service]:
    """All of them, as services that need the engines."""
    everything = (*_ENGINES, *_MIGRATIONS)
    figures = folder / "metrics"
    # What was counted before a new start is of no interest to anybody, and process ids come again.
    shutil.rmtree(figures, ignore_errors=True)
    # They write to a pipe, so they cannot see for themselves whether a terminal is at its end.
    shared = {
        **environment,
        "PYTHONPATH": str(SOURCE),
        "PROMETHEUS_MULTIPROC_DIR": str(figures),
        **({"FORCE_COLOR": "1"} if colour else {"NO_COLOR": "1"}),
    }
    manage, celery = [sys.executable, "manage.py"], [sys.executable, "-m", "celery", "--quiet", "--app", "core"]
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
            name="worker", argv=[*celery, "worker", "--concurrency", "2", "--without-mingle", "--without-gossip"],
            # Its broker dies in the same moment, so a polite end would wait for it; unfinished work is leased again.
            orphan_signal=signal.SIGKILL, needs=everything, environment=shared | _ROOT_IS_WELCOME, folder=SOURCE,
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
