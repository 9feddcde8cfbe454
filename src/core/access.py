"""The outermost layer of the ASGI application: every request's id and trace, its span, and one line in the log."""

import time
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from typing import Any

import structlog

from core.identity import accepted_request_id, accepted_traceparent, identify
from core.lifespan import Application, Message, Receive, Send
from core.observability.metrics import requests
from core.strangers import without_strangers_trace
from kit.span import Span, span

log = structlog.get_logger(__name__)

# Where Django's middleware finds the exchange in the scope.
EXCHANGE = "die_hard.exchange"
# Asked for every few seconds by machines; they have no route of Django's.
PROBES = frozenset({"/livez", "/readyz", "/metrics"})
# What stands in the log and in the metrics where no route was found: they have to be searched for by the same word.
NO_ROUTE = "none"


class Exchange:
    """One request and its answer, as they pass by."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.request_id = ""
        # Django's middleware fills these in: the path with names instead of values, and who was recognised.
        self.route = self.path if self.path in PROBES else NO_ROUTE
        self.actor_id = ""
        self.status: int | None = None
        self.request_bytes = self.response_bytes = 0
        self.is_complete = self.is_disconnected = False

    @property
    def is_broken_off(self) -> bool:
        """Whether the client waits for the rest of an answer that has begun, and will not get it."""
        return self.status is not None and not (self.is_complete or self.is_disconnected)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.is_disconnected = self.is_disconnected or not self.is_complete
        else:
            self.request_bytes += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.response_bytes += len(message.get("body", b""))
            self.is_complete = not message.get("more_body", False)
        await self._send(message)


def with_access_log(application: Application) -> Application:
    """The application, in whose log every request has one line, under its id and in its trace."""

    async def logged(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        scope["headers"] = without_strangers_trace(scope["headers"])
        exchange = scope[EXCHANGE] = Exchange(scope, receive, send)
        headers = dict(scope["headers"])
        exchange.request_id = identify(
            request_id=accepted_request_id(_text(headers.get(b"x-request-id", b""))),
            trace=accepted_traceparent(_text(headers.get(b"traceparent", b""))),
        )
        started = time.perf_counter()
        with _span_of(exchange, scheme=scope.get("scheme", "http")) as request:
            requests.begun()
            try:
                await application(scope, exchange.receive, exchange.send)
            finally:
                seconds = time.perf_counter() - started
                request.set(**_for_span(exchange))
                try:
                    _measure(exchange, seconds=seconds)
                finally:
                    _log(exchange, milliseconds=seconds * 1000)

    return logged


def _span_of(exchange: Exchange, *, scheme: str) -> AbstractContextManager[Span]:
    """The request's span; probes have none, or most traces would be theirs."""
    if exchange.path in PROBES:
        return nullcontext(Span())
    return span("http.request", **{"http.request.method": exchange.method, "url.scheme": scheme})


def _log(exchange: Exchange, *, milliseconds: float) -> None:
    noted: dict[str, Any] = {"actor_id": exchange.actor_id} if exchange.actor_id else {}
    if exchange.is_disconnected:
        noted["disconnected"] = True
    if exchange.is_broken_off:
        noted["broken_off"] = True
    healthy = exchange.path in PROBES and exchange.status == HTTPStatus.OK
    (log.debug if healthy else log.info)(
        "request_finished",
        method=exchange.method,
        route=exchange.route,
        status=exchange.status,
        duration_ms=round(milliseconds, 1),
        request_bytes=exchange.request_bytes,
        response_bytes=exchange.response_bytes,
        **noted,
    )


def _measure(exchange: Exchange, *, seconds: float) -> None:
    requests.ended(
        method=exchange.method,
        route=exchange.route,
        # It began well, but what the client has is no answer.
        status=HTTPStatus.INTERNAL_SERVER_ERROR if exchange.is_broken_off else exchange.status,
        is_disconnected=exchange.is_disconnected,
        seconds=seconds,
        request_bytes=exchange.request_bytes,
        response_bytes=exchange.response_bytes,
    )


def _for_span(exchange: Exchange) -> dict[str, object]:
    """What OpenTelemetry's conventions ask for, without the path: it may hold a token or an address."""
    found: dict[str, object] = {
        "http.request.body.size": exchange.request_bytes,
        "http.response.body.size": exchange.response_bytes,
        "request_id": exchange.request_id,
    }
    if exchange.route != NO_ROUTE:
        found["http.route"] = exchange.route
    if exchange.actor_id:
        found["user.id"] = exchange.actor_id
    if exchange.status is not None:
        found["http.response.status_code"] = exchange.status
    if exchange.is_disconnected:
        found["disconnected"] = True
    if exchange.is_broken_off:
        found["broken_off"] = True
    return found


def _text(header: bytes) -> str:
    return header.decode("latin-1")
