"""Answers what monitoring asks of a web server: is it alive, can it serve, and what are its figures."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.http import require_safe

from core import readiness
from core.observability import metrics
from core.problem import Problem


@require_safe
async def livez(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
async def readyz(request: HttpRequest) -> HttpResponse:
    """What serving needs is there; otherwise 503. What it does not need is shown beside it."""
    checks = await readiness.outcomes()
    if all(check["status"] == "ok" for check in checks.values() if check["needed"]):
        return JsonResponse({"status": "ok", "checks": checks})
    return not_ready(path=request.path, checks=checks)


def not_ready(*, path: str, checks: dict[str, dict[str, Any]]) -> Problem:
    """The answer of a process that lacks something."""
    detail = "This process cannot serve yet."
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, path=path, kind="not-ready", detail=detail, checks=checks)


# One scrape at a time: it reads files and asks the database.
_scraping = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scrape")


@require_safe
async def prometheus(request: HttpRequest) -> HttpResponse:
    """The metrics for Prometheus. To whoever does not show METRICS_TOKEN there are none; without one, only in DEBUG."""
    if not metrics.is_on() or not (settings.METRICS_TOKEN or settings.DEBUG):
        return Problem(HTTPStatus.NOT_FOUND, path=request.path)
    from core.observability.metrics.exposition import exposition, may_ask  # noqa: PLC0415 -- only if it is on

    if not may_ask(request.headers.get("Authorization", "")):
        return Problem(HTTPStatus.UNAUTHORIZED, path=request.path, headers={"WWW-Authenticate": "Bearer"})
    accept = request.headers.get("Accept", "")
    # In this request's context, so that what is logged has its id.
    answer = partial(contextvars.copy_context().run, exposition, accept=accept)
    body, content_type = await asyncio.get_running_loop().run_in_executor(_scraping, answer)
    return HttpResponse(body, content_type=content_type)


PROBES = {"/livez": livez, "/readyz": readyz, "/metrics": prometheus}


@sync_and_async_middleware
def probes(get_response: Any) -> Any:
    """Middleware: answer these, whatever the Host: who asks from inside goes by address, not by one of our names."""

    async def within_asgi(request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        answer: HttpResponseBase = await (probe or get_response)(request)
        return answer

    def within_wsgi(request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        answer: HttpResponseBase = (async_to_sync(probe) if probe else get_response)(request)
        return answer

    return within_asgi if iscoroutinefunction(get_response) else within_wsgi
