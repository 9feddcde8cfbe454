"""Request ids and traces: taken when they are well-formed, made or left out otherwise."""

from uuid import UUID

import pytest
import structlog
from django.core.signals import request_finished
from django.http import HttpResponse
from django.test import RequestFactory

from core.identity import accepted_request_id, accepted_traceparent
from core.middleware import request_context
from outbox import context

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("sent", ["a", "checkout-7", "A.b_C-9", "0" * 64])
def test_a_well_formed_id_is_taken(sent):
    assert accepted_request_id(sent) == sent


@pytest.mark.parametrize("sent", ["", "a b", "a\n", "é", "0" * 65, "<script>", "a/b", "a\0"])
def test_any_other_id_is_not(sent):
    assert accepted_request_id(sent) == ""


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"),
        (f" 00-{TRACE}-{SPAN}-00 ", f"00-{TRACE}-{SPAN}-00"),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", f"cc-{TRACE}-{SPAN}-01"),
    ],
)
def test_a_traceparent_is_taken(sent, taken):
    assert accepted_traceparent(sent) == taken


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
    assert accepted_traceparent(sent) == ""


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
    seen, response = seen_by(RequestFactory().get("/", headers={"X-Request-ID": "forged"}))
    assert UUID(seen["request_id"])
    assert response.headers["X-Request-ID"] == seen["request_id"]


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
