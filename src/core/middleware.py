"""Gives every request an id, a trace and, in the admin, an actor, for logs and events alike."""

import re
from typing import Any
from uuid import uuid4

import structlog
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from outbox import context

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# W3C Trace Context: version, trace id, parent id, flags. Versions to come may append fields, which we leave off.
_TRACEPARENT = re.compile(
    r"(?P<known>(?P<version>(?!ff)[0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?P<rest>-.*)?"
)


@sync_and_async_middleware
def request_context(get_response: Any) -> Any:
    """Middleware: take or make the request's id and take its trace."""

    async def within_asgi(request: HttpRequest) -> HttpResponseBase:
        request_id = _remember(request)
        return _labelled(await get_response(request), request_id)

    def within_wsgi(request: HttpRequest) -> HttpResponseBase:
        request_id = _remember(request)
        return _labelled(get_response(request), request_id)

    return within_asgi if iscoroutinefunction(get_response) else within_wsgi


@sync_and_async_middleware
def session_actor(get_response: Any) -> Any:
    """Middleware: who is signed in to the admin is the actor of what happens there."""

    async def within_asgi(request: HttpRequest) -> HttpResponseBase:
        if _has_session(request):
            await sync_to_async(_remember_signed_in, thread_sensitive=True)(request)
        response: HttpResponseBase = await get_response(request)
        return response

    def within_wsgi(request: HttpRequest) -> HttpResponseBase:
        if _has_session(request):
            _remember_signed_in(request)
        response: HttpResponseBase = get_response(request)
        return response

    return within_asgi if iscoroutinefunction(get_response) else within_wsgi


def _has_session(request: HttpRequest) -> bool:
    return request.path.startswith("/admin/") and settings.SESSION_COOKIE_NAME in request.COOKIES


def _remember_signed_in(request: HttpRequest) -> None:
    if request.user.is_authenticated:
        context.remember_actor(request.user.pk)


def _remember(request: HttpRequest) -> str:
    request_id = accepted_request_id(request.headers.get("X-Request-ID", "")) or str(uuid4())
    _measure(request)
    _forget()
    context.request_id.set(request_id)
    context.trace_context.set(accepted_traceparent(request.headers.get("traceparent", "")))
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def _measure(request: HttpRequest) -> None:
    """Say how long a body is that came in chunks: REST framework takes one of unknown length for an empty one."""
    if "chunked" in request.headers.get("Transfer-Encoding", ""):
        request.META["CONTENT_LENGTH"] = str(len(request.body))


# Not before the request has finished: Django and the server log it after the middleware is through.
@receiver(request_finished)
def _forget(**_: Any) -> None:
    for variable in (context.request_id, context.trace_context, context.actor_id):
        variable.set("")
    structlog.contextvars.clear_contextvars()


def _labelled(response: HttpResponseBase, request_id: str) -> HttpResponseBase:
    response.headers["X-Request-ID"] = request_id
    return response


def accepted_request_id(sent: str) -> str:
    """The id as it was sent, or nothing: it goes into logs and events, so only harmless characters are taken."""
    return sent if _REQUEST_ID.fullmatch(sent) else ""


def accepted_traceparent(sent: str) -> str:
    """The four fields of a W3C traceparent, or nothing when it is not one."""
    found = _TRACEPARENT.fullmatch(sent.strip())
    if found is None or (found["version"] == "00" and found["rest"] is not None):
        return ""
    return found["known"]
