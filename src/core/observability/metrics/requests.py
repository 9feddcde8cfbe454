"""What core.access tells of every request: how many by route and status, how long, how large, how many under way."""

import threading
from http import HTTPMethod

from kit.measure import gauge, observe

_METHODS = frozenset(HTTPMethod)
# Without an answer: either the client did not wait for it (what web servers commonly call 499), or we have failed.
_CLIENT_HAS_GONE, _FAILED = 499, 500

_lock = threading.Lock()
_in_flight = 0


def begun() -> None:
    """A request has come."""
    _more(1)


def ended(
    *,
    method: str,
    route: str,
    status: int | None,
    is_disconnected: bool,
    seconds: float,
    request_bytes: int,
    response_bytes: int,
) -> None:
    """It has been answered, or nobody waits for the answer any more. `route` is a template, or none."""
    method = method if method in _METHODS else "other"
    answer = f"{(status or (_CLIENT_HAS_GONE if is_disconnected else _FAILED)) // 100}xx"
    observe("http.request_seconds", seconds, method=method, route=route, status=answer)
    observe("http.request_bytes", request_bytes, method=method, route=route)
    observe("http.response_bytes", response_bytes, method=method, route=route)
    _more(-1)


def _more(number: int) -> None:
    global _in_flight  # noqa: PLW0603 -- of this process
    with _lock:
        _in_flight += number
        gauge("http.requests_in_flight", _in_flight)
