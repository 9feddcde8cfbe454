"""What a span is called is never what a client made up."""

from contextlib import suppress
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import kit.span
from core.access import with_access_log
from core.observability import tracing
from kit.span import traceparent


@pytest.fixture
def kept():
    return InMemorySpanExporter()


@pytest.fixture
def opened(kept):
    """Opens spans that are kept."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return tracing._opener(provider.get_tracer("test"))


@pytest.mark.parametrize(("method", "shown"), [("GET", "GET"), ("X" * 50 + "\n", "_OTHER"), ("get", "_OTHER")])
def test_a_made_up_method_names_no_span(opened, kept, method, shown):
    with opened("http.request", {"http.request.method": method}) as listener:
        listener.set({"http.route": "api/users/"})
    (span,) = kept.get_finished_spans()
    assert span.name == f"{shown} api/users/"
    assert span.attributes["http.request.method"] == shown


def test_no_secret_is_in_an_attribute_whether_its_name_or_its_look_gives_it_away(opened, kept):
    canary = "canary7c1f0123456789"
    with opened("x", {"password_hash": canary, "event_type": "user_registered"}) as listener:
        listener.set({"url": f"redis://:{canary}@host", "jwt": [canary], "events": 3, "batch_id": UUID(int=7)})
    (span,) = kept.get_finished_spans()
    assert canary not in str(span.attributes)
    assert (span.attributes["event_type"], span.attributes["events"]) == ("user_registered", 3)
    assert span.attributes["batch_id"] == str(UUID(int=7))


@pytest.mark.parametrize(
    ("sent", "within", "error", "exported"),
    [
        ("", "", None, []),
        ("", "outbox.seal", None, ["outbox.seal", "outbox.tick"]),
        ("", "", ValueError, ["outbox.tick"]),
        (f"00-{'4b' * 16}-00f067aa0ba902b7-01", "", None, ["outbox.tick"]),
    ],
    ids=["idle", "it did something", "it failed", "a request has caused it"],
)
def test_a_task_of_beats_in_which_nothing_was_done_is_not_exported(kept, sent, within, error, exported):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(tracing.WithoutIdleTasks(kept))
    opened = tracing._opener(provider.get_tracer("test"))
    before = traceparent.set(sent)
    try:
        with suppress(ValueError), opened("celery.task", {"celery.task": "outbox.tick"}):
            if within:
                with opened(within, {}):
                    pass
            if error:
                raise error
    finally:
        traceparent.reset(before)
    provider.force_flush()
    names = [span.name for span in kept.get_finished_spans()]
    provider.shutdown()
    assert names == exported


@pytest.mark.parametrize(("path", "spans"), [("/readyz", []), ("/livez", []), ("/metrics", []), ("/x/", ["GET"])])
async def test_probes_have_no_span(opened, kept, monkeypatch, path, spans):
    async def answer(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        pass

    monkeypatch.setattr(kit.span, "_tracers", [opened])
    await with_access_log(answer)({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)
    assert [span.name for span in kept.get_finished_spans()] == spans
