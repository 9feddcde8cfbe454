"""Is this process alive, and can it serve? Only what serving needs makes it unready."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.http import require_safe

from core.problem import Problem

log = structlog.get_logger()

# Without the broker registrations go on, and what they recorded is delivered later: it is shown, not demanded.
_NEEDED = ("database", "migrations")


@require_safe
async def livez(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
async def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers and is migrated; otherwise 503 with the reason."""
    checks = await sync_to_async(_checks, thread_sensitive=True)()
    if all(checks[name] == "ok" for name in _NEEDED):
        return JsonResponse({"status": "ok", "checks": checks})
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, path=request.path, kind="not-ready", detail="This process cannot serve yet.",
        checks=checks,
    )  # fmt: skip


_PROBES = {"/livez": livez, "/readyz": readyz}


@sync_and_async_middleware
def probes(get_response: Any) -> Any:
    """Middleware: answer both, whatever the Host: who asks from inside goes by address, not by one of our names."""

    async def within_asgi(request: HttpRequest) -> HttpResponseBase:
        probe = _PROBES.get(request.path_info)
        return await (probe or get_response)(request)

    def within_wsgi(request: HttpRequest) -> HttpResponseBase:
        probe = _PROBES.get(request.path_info)
        return async_to_sync(probe)(request) if probe else get_response(request)

    return within_asgi if iscoroutinefunction(get_response) else within_wsgi


def _checks() -> dict[str, str]:
    return {
        "database": _outcome(_ask_database, "unavailable"),
        "migrations": _outcome(_ask_migrations, "not applied"),
        "broker": _outcome(_ask_broker, "unavailable"),
    }


def _outcome(check: Callable[[], bool], when_not: str) -> str:
    try:
        return "ok" if check() else when_not
    except DatabaseError as error:
        log.warning("not_ready", check=check.__name__, reason=str(error))
        return "unavailable"


def _ask_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


_migrated = False


def _ask_migrations() -> bool:
    """Whether all of this code's migrations are applied; asked until they are."""
    global _migrated  # noqa: PLW0603 -- a process needs to learn it once, and learning costs 50 ms
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _ask_broker() -> bool:
    import redis  # noqa: PLC0415 -- a fifth of a second that the start of the server can do without

    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5) as broker:
        try:
            return bool(broker.ping())
        except redis.RedisError as error:
            log.warning("broker_unavailable", reason=str(error))
            return False
