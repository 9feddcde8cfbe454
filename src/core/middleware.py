"""Gives every request an id, a trace and, in the admin, an actor, for logs and events alike."""

from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from core.access import EXCHANGE, Exchange
from core.identity import accepted_request_id, accepted_traceparent, forget, identify
from outbox import context


@sync_and_async_middleware
def request_context(get_response: Any) -> Any:
    """Middleware: take or make the request's id and take its trace, unless core.access has done so at the door."""

    async def within_asgi(request: HttpRequest) -> HttpResponseBase:
        _measure(request)
        exchange: Exchange | None = getattr(request, "scope", {}).get(EXCHANGE)
        if exchange is None:
            request_id = _identify(request)
            return _labelled(await get_response(request), request_id)
        try:
            return _labelled(await get_response(request), exchange.request_id)
        finally:
            exchange.actor_id = context.actor_id.get()
            if request.resolver_match is not None:
                exchange.route = request.resolver_match.route

    def within_wsgi(request: HttpRequest) -> HttpResponseBase:
        _measure(request)
        request_id = _identify(request)
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


def _identify(request: HttpRequest) -> str:
    return identify(
        request_id=accepted_request_id(request.headers.get("X-Request-ID", "")),
        trace=accepted_traceparent(request.headers.get("traceparent", "")),
    )


def _measure(request: HttpRequest) -> None:
    """Say how long a body is that came in chunks: REST framework takes one of unknown length for an empty one."""
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        request.META["CONTENT_LENGTH"] = str(len(request.body))


# Not before the request has finished: Django and the server log it after the middleware is through.
@receiver(request_finished)
def _forget(sender: Any, **_: Any) -> None:
    """Within ASGI there is no need to: a request's context ends with its task, and its access line is yet to come."""
    if not (isinstance(sender, type) and issubclass(sender, ASGIHandler)):
        forget()


def _labelled(response: HttpResponseBase, request_id: str) -> HttpResponseBase:
    response.headers["X-Request-ID"] = request_id
    return response
