"""Traces to OpenTelemetry: every span of kit.span becomes one, exported over OTLP/HTTP.

Imported only if OTEL_EXPORTER_OTLP_ENDPOINT is set. Where to and how, the sampler and its ratio, limits and resource
attributes are the SDK's own OTEL_* variables. The seam's `traceparent` goes with the span that is open, so logs, events
and ClickHouse's queries name it without knowing OpenTelemetry.
"""

import atexit
import threading

from django.core.signals import got_request_exception
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind

from core.observability.tracing import spans
from core.task import MOSTLY_IDLE
from kit.span import register_tracer

_PATIENCE_SECONDS = 2.0

_provider: TracerProvider | None = None


def start(*, environment: str, release: str) -> None:
    """Register the tracer of this process, once."""
    global _provider  # noqa: PLW0603 -- a process has one, or none
    if _provider is not None:
        return
    _provider = TracerProvider(resource=_resource(environment=environment, release=release), shutdown_on_exit=False)
    atexit.register(stop)
    _provider.add_span_processor(WithoutIdleTasks(OTLPSpanExporter()))
    trace.set_tracer_provider(_provider)
    register_tracer(spans.opener(_provider.get_tracer("die_hard")))
    got_request_exception.connect(spans.note_uncaught)


def stop() -> None:
    """Export what is left, as far as the collector takes it soon: nobody waits longer for one that is away."""
    atexit.unregister(stop)
    if _provider is not None:
        closing = threading.Thread(target=_provider.shutdown, name="last-spans", daemon=True)
        closing.start()
        closing.join(_PATIENCE_SECONDS)


def _resource(*, environment: str, release: str) -> Resource:
    """What the standard variables say (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES); where they are silent, ours."""
    ours = {"deployment.environment.name": environment, **({"service.version": release} if release else {})}
    found = Resource(ours).merge(Resource.create())
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        found = found.merge(Resource({SERVICE_NAME: "die-hard"}))
    return found


class WithoutIdleTasks(BatchSpanProcessor):
    """Exports spans, but for tasks that found nothing to do: there is one every second, day and night.

    A span's children say that something was done; that there is an error, or a refusal, is worth a trace by itself.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        super().__init__(exporter)
        # Such tasks as are open and have done nothing yet.
        self._idle: set[int] = set()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if span.parent is not None:
            self._idle.discard(span.parent.span_id)
        elif span.name in MOSTLY_IDLE and span.kind is SpanKind.CONSUMER and span.context is not None:
            self._idle.add(span.context.span_id)
        super().on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        is_idle = span.context is not None and span.context.span_id in self._idle
        if span.context is not None:
            self._idle.discard(span.context.span_id)
        has_failed = "error.type" in (span.attributes or {})
        if has_failed or not is_idle:
            super().on_end(span)
