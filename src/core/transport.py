"""The API is not served in clear, and does not redirect either: whoever sends a token without TLS has to notice."""

from http import HTTPStatus
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from core.problem import Problem

_API = "/api/"


@sync_and_async_middleware
def https_demanded(get_response: Any) -> Any:
    """Middleware: refuse requests to the API that come in clear, if HTTPS_ONLY is on (pages are redirected)."""

    async def within_asgi(request: HttpRequest) -> HttpResponseBase:
        return _refusal(request) or await get_response(request)

    def within_wsgi(request: HttpRequest) -> HttpResponseBase:
        return _refusal(request) or get_response(request)

    return within_asgi if iscoroutinefunction(get_response) else within_wsgi


def _refusal(request: HttpRequest) -> Problem | None:
    is_fine = not settings.HTTPS_ONLY or request.is_secure() or not concerns(request.path)
    return None if is_fine else refusal(path=request.path)


def concerns(path: str) -> bool:
    """Whether the path is one of the API's."""
    return path.startswith(_API)


def refusal(*, path: str) -> Problem:
    """The problem that what comes in clear is answered with."""
    detail = "Use https:// here. What has just been sent in clear, a token or a password, should be replaced."
    return Problem(HTTPStatus.FORBIDDEN, path=path, kind="https-required", detail=detail)
