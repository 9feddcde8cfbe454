"""Takes strangers' traces off at the door, for whoever names a trace also decides whether it is sampled.

Not in Django's middleware: Sentry and OpenTelemetry read the headers before it. Whose traces are believed is what
REQUEST_IDS_BELIEVED says.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

HEADERS = frozenset({b"traceparent", b"tracestate", b"sentry-trace", b"baggage"})
# The same by the names that WSGI gives them.
_VARIABLES = frozenset(f"HTTP_{name.decode().upper().replace('-', '_')}" for name in HEADERS)

type _WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


def without_strangers_trace(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """A request's headers, as ASGI has them, with nothing about a trace unless its caller is believed."""
    if settings.REQUEST_IDS_BELIEVED:
        return headers
    return [each for each in headers if each[0] not in HEADERS]


def with_no_strangers_trace(application: _WSGIApplication) -> _WSGIApplication:
    """The same for a WSGI application."""

    def guarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not settings.REQUEST_IDS_BELIEVED:
            environ = {name: value for name, value in environ.items() if name not in _VARIABLES}
        return application(environ, start_response)

    return guarded
