"""What a span is called is never what a client made up, and which of them leave."""

from contextlib import suppress
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

import kit.span
from core.access import with_access_log
from core.observability import tracing
from core.observability.sentry import traces
from core.observability.tracing.spans import opener
from kit.errors import DomainError
from kit.span import traceparent


@pytest.fixture
def kept():
    return InMemorySpanExporter()


@pytest.fixture
def opened(kept):
    """Opens spans that are kept."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return opener(provider.get_tracer("test"))


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


class Refused(DomainError):
    """Not so."""


@pytest.mark.parametrize(
    ("task", "sent", "done", "exported"),
    [
        ("outbox.tick", "", None, []),
        ("users.deliver_letters", "", None, []),
        ("outbox.tick", "", "outbox.seal", ["outbox.seal", "outbox.tick"]),
        ("outbox.tick", "", ValueError, ["outbox.tick"]),
        ("outbox.tick", "", Refused, ["outbox.tick"]),
        ("outbox.tick", f"00-{'4b' * 16}-00f067aa0ba902b7-01", None, ["outbox.tick"]),
        ("outbox.reconcile", "", None, ["outbox.reconcile"]),
    ],
    ids=["idle", "no letters", "it did something", "failed", "refused", "a request has caused it", "it always works"],
)
def test_a_task_that_found_nothing_to_do_is_not_exported(kept, task, sent, done, exported):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(tracing.WithoutIdleTasks(kept))
    opened = opener(provider.get_tracer("test"))
    before = traceparent.set(sent)
    try:
        with suppress(ValueError, Refused), opened("celery.task", {"celery.task": task}):
            if isinstance(done, str):
                with opened(done, {}):
                    pass
            elif done is not None:
                raise done
    finally:
        traceparent.reset(before)
    provider.force_flush()
    names = [span.name for span in kept.get_finished_spans()]
    provider.shutdown()
    assert names == exported


def test_nothing_is_remembered_of_spans_that_have_ended_whichever_ends_first(kept):
    """A use case may outlive its request, whose client has gone."""
    processor = tracing.WithoutIdleTasks(kept)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("test")
    for name in ("POST api/users/", "outbox.tick"):
        outer = tracer.start_span(name, kind=SpanKind.CONSUMER)
        outer.end()
        tracer.start_span("use_case.X", context=set_span_in_context(outer)).end()
    provider.shutdown()
    assert not [each for each in vars(processor).values() if isinstance(each, set) and each]


@pytest.mark.parametrize(("name", "is_fault"), [("use_case.X", False), ("celery.task", True)])
def test_a_refusal_is_a_fault_where_nobody_answers_it(opened, kept, name, is_fault):
    with suppress(Refused), opened(name, {"celery.task": "outbox.tick"}):
        raise Refused
    (span,) = kept.get_finished_spans()
    assert span.attributes["error.type"] == "Refused"
    assert (span.status.status_code is StatusCode.ERROR) == is_fault


@pytest.mark.parametrize(
    ("task", "ops", "status", "is_sent"),
    [
        ("outbox.tick", ["queue.process", "db"], "ok", False),
        ("outbox.tick", ["queue.process", "db", "outbox.seal"], "ok", True),
        ("outbox.tick", ["queue.process", "db"], "internal_error", True),
        ("outbox.reconcile", ["queue.process", "db"], "ok", True),
    ],
    ids=["idle", "it did something", "it failed", "it always works"],
)
def test_a_task_that_found_nothing_to_do_is_not_sent_to_sentry(task, ops, status, is_sent):
    report = {
        "transaction": task, "spans": [{"op": op} for op in ops],
        "contexts": {"trace": {"op": "queue.task.celery", "status": status}},
    }  # fmt: skip
    assert (traces.before_send(report, {}) is not None) == is_sent


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
