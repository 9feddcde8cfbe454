"""Request ids and traces: taken when they are well-formed, made or left out otherwise."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import structlog
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished
from django.http import HttpResponse
from django.test import RequestFactory

from core import wsgi
from core.access import with_access_log
from core.identity import request_id_of, traceparent_of
from core.middleware import request_context
from core.observability.sentry import traces
from core.strangers import with_no_strangers_trace
from core.task import _begin, _end
from outbox import context

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("sent", ["a", "checkout-7", "A.b_C-9", "0" * 64])
def test_a_well_formed_id_is_taken(sent):
    assert request_id_of(sent) == sent


@pytest.mark.parametrize("sent", ["", "a b", "a\n", "é", "0" * 65, "<script>", "a/b", "a\0"])
def test_any_other_id_is_not(sent):
    assert request_id_of(sent) == ""


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"),
        (f" 00-{TRACE}-{SPAN}-00 ", f"00-{TRACE}-{SPAN}-00"),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", f"cc-{TRACE}-{SPAN}-01"),
    ],
)
def test_a_traceparent_is_taken(sent, taken):
    assert traceparent_of(sent) == taken


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "garbage",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n00",
        f"cc-{TRACE}-{SPAN}-01more",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_what_is_no_traceparent_is_left_out(sent):
    assert traceparent_of(sent) == ""


def seen_by(request):
    """What a view sees while it handles this request, and the response."""
    seen: dict[str, object] = {}

    def view(_):
        seen.update(
            request_id=context.request_id.get(), trace=context.trace_context.get(), actor=context.actor_id.get(),
            log=structlog.contextvars.get_contextvars(),
        )  # fmt: skip
        context.actor_id.set("7")
        return HttpResponse()

    return seen, request_context(view)(request)


def test_a_view_and_its_logs_have_the_ids():
    headers = {"X-Request-ID": "r-1", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    seen, response = seen_by(RequestFactory().get("/", headers=headers))
    assert seen == {"request_id": "r-1", "trace": f"00-{TRACE}-{SPAN}-01", "actor": "", "log": {"request_id": "r-1"}}
    assert response.headers["X-Request-ID"] == "r-1"


def test_a_strangers_id_is_not_taken(settings):
    settings.REQUEST_IDS_BELIEVED = False
    headers = {"X-Request-ID": "forged", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    seen, response = seen_by(RequestFactory().get("/", headers=headers))
    assert UUID(seen["request_id"])
    assert response.headers["X-Request-ID"] == seen["request_id"]
    assert seen["trace"] == ""


@pytest.mark.asyncio
@pytest.mark.parametrize(("is_believed", "left"), [(True, True), (False, False)])
async def test_strangers_decide_neither_on_the_trace_nor_on_its_sampling(settings, is_believed, left):
    settings.REQUEST_IDS_BELIEVED = is_believed
    names = {b"traceparent", b"tracestate", b"sentry-trace", b"baggage"}
    arrived: set[bytes] = set()

    async def application(scope, receive, send):
        arrived.update(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 200})

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        pass

    headers = [(b"accept", b"*/*"), *((name, b"x") for name in names)]
    scope = {"type": "http", "method": "GET", "path": "/x/", "headers": headers}
    await with_access_log(application)(scope, receive, send)
    assert arrived == {b"accept"} | (names if left else set())


@pytest.mark.parametrize("is_believed", [True, False])
def test_a_wsgi_server_is_no_way_round_that(settings, is_believed):
    settings.REQUEST_IDS_BELIEVED = is_believed
    sent = {"HTTP_TRACEPARENT", "HTTP_TRACESTATE", "HTTP_SENTRY_TRACE", "HTTP_BAGGAGE"}
    arrived: set[str] = set()

    def application(environ, start_response):
        arrived.update(environ)
        return []

    with_no_strangers_trace(application)({"HTTP_ACCEPT": "*/*", **dict.fromkeys(sent, "x")}, None)
    assert arrived == {"HTTP_ACCEPT"} | (sent if is_believed else set())


def test_the_application_for_wsgi_servers_takes_no_strangers_trace(settings, monkeypatch):
    settings.REQUEST_IDS_BELIEVED = False
    arrived: list[dict[str, object]] = []

    def handle(_handler, environ, start_response):
        arrived.append(environ)
        return []

    monkeypatch.setattr(WSGIHandler, "__call__", handle)
    wsgi.application({"PATH_INFO": "/livez", "REQUEST_METHOD": "GET", "HTTP_BAGGAGE": "sentry-sampled=true"}, None)
    assert [environ.get("HTTP_BAGGAGE") for environ in arrived] == [None]


@pytest.mark.parametrize(("decided", "share"), [(True, 1.0), (False, 0.0), (None, 0.05)])
def test_sentry_samples_as_a_caller_has_decided(decided, share):
    assert traces.sampler(0.05)({"parent_sampled": decided}) == share


def test_a_task_knows_its_request_whether_or_not_strangers_are_believed(settings):
    settings.REQUEST_IDS_BELIEVED = False
    task: Any = SimpleNamespace(
        name="x",
        request=SimpleNamespace(is_eager=False, get={"request_id": "r-1", "traceparent": f"00-{TRACE}-{SPAN}-01"}.get),
    )
    _begin(task_id="t", task=task)
    try:
        assert (context.request_id.get(), context.trace_context.get()) == ("r-1", f"00-{TRACE}-{SPAN}-01")
    finally:
        _end(task_id="t")


def test_an_id_is_made_when_none_is_sent():
    seen, response = seen_by(RequestFactory().get("/"))
    assert UUID(seen["request_id"])
    assert response.headers["X-Request-ID"] == seen["request_id"]


def test_one_request_sees_nothing_of_the_one_before():
    seen_by(RequestFactory().get("/", headers={"X-Request-ID": "r-1", "traceparent": f"00-{TRACE}-{SPAN}-01"}))
    seen, _ = seen_by(RequestFactory().get("/"))
    assert (seen["actor"], seen["trace"]) == ("", "")
    assert seen["request_id"] != "r-1"


def test_nothing_is_left_after_the_request_has_finished():
    seen_by(RequestFactory().get("/", headers={"X-Request-ID": "r-1"}))
    request_finished.send(sender=None)
    assert (context.request_id.get(), context.actor_id.get(), context.trace_context.get()) == ("", "", "")
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.asyncio
async def test_it_does_the_same_within_asgi():
    async def view(_):
        return HttpResponse(context.request_id.get())

    response = await request_context(view)(RequestFactory().get("/", headers={"X-Request-ID": "r-2"}))
    assert (response.content, response.headers["X-Request-ID"]) == (b"r-2", "r-2")


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "gzip, CHUNKED"])
def test_a_body_that_came_in_chunks_has_a_length(coding):
    request = RequestFactory().post("/", b"12345", content_type="text/plain", headers={"Transfer-Encoding": coding})
    request.META["CONTENT_LENGTH"] = ""
    request_context(lambda _: HttpResponse())(request)
    assert request.META["CONTENT_LENGTH"] == "5"
