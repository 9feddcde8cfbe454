"""What a span is called is never what a client made up."""

from uuid import UUID

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from core.observability import tracing


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
