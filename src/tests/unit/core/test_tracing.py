"""What a span is called is never what a client made up."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from core.observability import tracing


@pytest.mark.parametrize(("method", "shown"), [("GET", "GET"), ("X" * 50 + "\n", "_OTHER"), ("get", "_OTHER")])
def test_a_made_up_method_names_no_span(method, shown):
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    opened = tracing._opener(provider.get_tracer("test"))
    with opened("http.request", {"http.request.method": method}) as listener:
        listener.set({"http.route": "api/users/"})
    (span,) = kept.get_finished_spans()
    assert span.name == f"{shown} api/users/"
    assert span.attributes["http.request.method"] == shown
