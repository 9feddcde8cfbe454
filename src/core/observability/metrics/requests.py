"""Measures every request: how many by route and status, how long, how large, and how many are under way."""

import threading
import time
from http import HTTPMethod
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from core.health import PROBES
from core.observability import metrics
from kit.measure import gauge, observe

_METHODS = frozenset(HTTPMethod)
# What the client did not wait for has no status; this is what web servers commonly write into their logs.
_CLIENT_HAS_GONE = 499
_DIGITS_AT_MOST = 15

_lock = threading.Lock()
_in_flight = 0


@sync_and_async_middleware
def measured(get_response: Any) -> Any:
    """Middleware: tell each request's figures, if this process keeps any."""
    if not metrics.is_on():
        return get_response

    async def within_asgi(request: HttpRequest) -> HttpResponseBase:
        started = _begin()
        response: HttpResponseBase | None = None
        try:
            response = await get_response(request)
            return response
        finally:
            _end(request, response, started=started)

    def within_wsgi(request: HttpRequest) -> HttpResponseBase:
        started = _begin()
        response: HttpResponseBase | None = None
        try:
            response = get_response(request)
            return response
        finally:
            _end(request, response, started=started)

    return within_asgi if iscoroutinefunction(get_response) else within_wsgi


def _begin() -> float:
    _more(1)
    return time.perf_counter()


def _end(request: HttpRequest, response: HttpResponseBase | None, *, started: float) -> None:
    method = request.method if request.method in _METHODS else "other"
    route = route_of(request)
    status = _CLIENT_HAS_GONE if response is None else response.status_code
    observe(
        "http.request_seconds", time.perf_counter() - started,
        method=method or "", route=route, status=f"{status // 100}xx",
    )  # fmt: skip
    observe("http.request_bytes", _announced(request), method=method or "", route=route)
    if response is not None and not response.streaming:
        observe("http.response_bytes", len(response.content), method=method or "", route=route)  # type: ignore[attr-defined]
    _more(-1)


def route_of(request: HttpRequest) -> str:
    """The template of the route that was taken, e.g. `api/users/<int:pk>/`; never what somebody made up."""
    if request.resolver_match is not None:
        return str(request.resolver_match.route)
    return request.path_info if request.path_info in PROBES else "none"


def _announced(request: HttpRequest) -> int:
    announced = request.META.get("CONTENT_LENGTH") or ""
    return int(announced) if announced.isdecimal() and len(announced) <= _DIGITS_AT_MOST else 0


def _more(number: int) -> None:
    global _in_flight  # noqa: PLW0603 -- of this process
    with _lock:
        _in_flight += number
        gauge("http.requests_in_flight", _in_flight)
