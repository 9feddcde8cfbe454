"""The checks behind /readyz: what serving needs, and what is shown so that a person sees it at once.

They run side by side in threads of their own, each with its patience, and a check that is still at it is not started
again: whatever hangs, the answer comes in time and nothing piles up.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core import figures
from events.store import StoreMisconfigured
from kit.errors import DomainError
from outbox.event_store import event_store, wait_for

log = structlog.get_logger(__name__)

_STORE_FRESH_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question. `ask` answers with details worth showing, or raises; `needed` ones make the process unready."""

    name: str
    ask: Callable[[], Mapping[str, object]]
    needed: bool
    patience: float


class NotApplied(DomainError):
    """Migrations of this code are not applied: run `manage.py migrate`."""


async def outcomes() -> dict[str, dict[str, Any]]:
    """Each check's status, whether serving needs it, how long it took, and what it said."""
    found = await asyncio.gather(*(_outcome(check) for check in CHECKS))
    return {check.name: outcome for check, outcome in zip(CHECKS, found, strict=True)}


async def _outcome(check: Check) -> dict[str, Any]:
    started = time.perf_counter()
    status, details = await _answer(check)
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    return {"status": status, "needed": check.needed, "ms": milliseconds, **details}


async def _answer(check: Check) -> tuple[str, Mapping[str, object]]:
    try:
        return "ok", await _told(check)
    except TimeoutError:
        status, reason = "no answer in time", f"none within {check.patience:g} s"
    except NotApplied as error:
        status, reason = "not applied", str(error)
    except StoreMisconfigured as error:
        status, reason = "misconfigured", str(error)
    except Exception as error:  # noqa: BLE001 -- whatever it was, it is logged, and a probe must answer
        status, reason = "unavailable", " ".join(f"{type(error).__name__}: {error}".split())
    # The reason names addresses: it is for the log, not for whoever may ask.
    log.warning("check_failed", check=check.name, needed=check.needed, status=status, reason=reason)
    return status, {}


async def _told(check: Check) -> Mapping[str, object]:
    """What it answers. Raises TimeoutError, after which it goes on: the next probe may wait for the same answer."""
    answer = asyncio.wrap_future(_asked(check))
    # One that fails when nobody waits any more is no news: asyncio would log it as an error.
    answer.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({answer}, timeout=check.patience)
    if not answer.done():
        raise TimeoutError
    return answer.result()


_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="readiness")
_running: dict[str, Future[Mapping[str, object]]] = {}


def _asked(check: Check) -> Future[Mapping[str, object]]:
    running = _running.get(check.name)
    if running is None or running.done():
        running = _running[check.name] = _threads.submit(check.ask)
    return running


def _ask_database() -> Mapping[str, object]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()  # it belongs to the pool, and this thread is nobody's request
    return {}


_migrated = False


def _ask_migrations() -> Mapping[str, object]:
    """Pass if all of this code's migrations are applied; asked until they are. Raises NotApplied."""
    global _migrated  # noqa: PLW0603 -- a process needs to learn it once, and learning costs 50 ms
    if not _migrated:
        try:
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        finally:
            connection.close()
    if not _migrated:
        raise NotApplied
    return {}


def _ask_broker() -> Mapping[str, object]:
    import redis  # noqa: PLC0415 -- a fifth of a second that the start of the server can do without

    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5) as broker:
        broker.ping()
    return {}


_sound_until = 0.0


def _ask_event_store() -> Mapping[str, object]:
    """Pass if the store has answered and its tables were as they must be, within the last seconds."""
    global _sound_until  # noqa: PLW0603 -- probes come every few seconds, and this is four queries
    if time.monotonic() >= _sound_until:
        wait_for(event_store().check())
        _sound_until = time.monotonic() + _STORE_FRESH_SECONDS
    return {}


def _ask_outbox() -> Mapping[str, object]:
    found = figures.current()
    return {"lag_seconds": round(found.oldest_pending_age, 1), "pending_events": found.pending_events}


CHECKS = (
    Check(name="database", ask=_ask_database, needed=True, patience=2.0),
    Check(name="migrations", ask=_ask_migrations, needed=True, patience=2.0),
    # Without the broker registrations go on, and what they recorded is delivered later: it is shown, not demanded.
    Check(name="broker", ask=_ask_broker, needed=False, patience=1.0),
    # Likewise the store and the lag: taking the web server away would not bring them back, and lose requests.
    Check(name="event_store", ask=_ask_event_store, needed=False, patience=1.0),
    Check(name="outbox", ask=_ask_outbox, needed=False, patience=1.0),
)
