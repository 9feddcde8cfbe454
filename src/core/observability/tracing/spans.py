"""Makes the seam's spans into OpenTelemetry's: what they are called, whose children they are, what stands in them."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPMethod
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from core.observability.redaction import redacted_mapping, redacted_text, without_addresses
from kit.errors import DomainError
from kit.span import traceparent

_KINDS = {"http.request": SpanKind.SERVER, "celery.task": SpanKind.CONSUMER, "outbox.deliver": SpanKind.PRODUCER}
# A delivery serves the events of many traces. It belongs to none of them, so it begins its own and links to theirs.
_ROOTS = frozenset({"outbox.deliver"})
# No view stands around these that would answer a refusal, so one that comes this far is a fault.
_DOORLESS = frozenset({"celery.task"})
_NAMED_BY = {"http.request": ("http.request.method",), "celery.task": ("celery.task",), "command": ("command.name",)}
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
# What conventions make of a method that is none: it is the client's text.
_METHODS, _OTHER = frozenset(HTTPMethod), "_OTHER"
_LONGEST_TEXT = 8_000


def opener(tracer: trace.Tracer) -> Any:
    """What opens this tracer's spans for kit.span."""

    @contextmanager
    def opened(name: str, attributes: dict[str, object]) -> Iterator[_Listener]:
        if attributes.get("http.request.method", "GET") not in _METHODS:
            attributes = {**attributes, "http.request.method": _OTHER}
        span = tracer.start_span(
            _name(name, attributes), context=_parent(name), kind=_KINDS.get(name, SpanKind.INTERNAL),
            attributes=_plain(attributes),
        )  # fmt: skip
        present = traceparent.set(_traceparent(span.get_span_context()))
        listener = _Listener(span, attributes)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield listener
        except BaseException as error:
            _note(span, error, is_foreseen=name not in _DOORLESS and isinstance(error, DomainError))
            raise
        finally:
            listener.finish()
            span.end()
            traceparent.reset(present)

    return opened


class _Listener:
    """Passes on what the code says of its span while it is open."""

    def __init__(self, span: Span, begun: Mapping[str, object]) -> None:
        self._span, self._begun = span, begun
        self._known: dict[str, object] = {}

    def set(self, attributes: Mapping[str, object]) -> None:
        self._known.update(attributes)

    def link(self, traceparents: Iterable[str]) -> None:
        for each in traceparents:
            if (linked := _context(each)) is not None:
                self._span.add_link(linked)

    def finish(self) -> None:
        known = self._known
        self._span.set_attributes(_plain(known))
        status = known.get("http.response.status_code", 0)
        if isinstance(status, int) and status >= 500:  # noqa: PLR2004 -- what HTTP calls the server's faults
            self._span.set_status(StatusCode.ERROR)
        if "http.route" in known:
            self._span.update_name(f"{self._begun['http.request.method']} {known['http.route']}")


def _name(name: str, attributes: Mapping[str, object]) -> str:
    """The span's name as it is searched for: tasks and commands by their own."""
    return " ".join(str(attributes[key]) for key in _NAMED_BY.get(name, ())) or name


def _parent(name: str) -> Context | None:
    """None is the span that is open here; without one, it is the caller's, if it has sent any."""
    if name in _ROOTS:
        return Context()
    sent = None if trace.get_current_span().get_span_context().is_valid else _context(traceparent.get())
    return None if sent is None else trace.set_span_in_context(trace.NonRecordingSpan(sent))


def _context(sent: str) -> SpanContext | None:
    """None if that is no traceparent: whoever wrote it, it says nothing."""
    if (found := _TRACEPARENT.fullmatch(sent)) is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))


def _traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _plain(attributes: Mapping[str, object]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, (bool, int, float)) else str(value)
        for key, value in redacted_mapping(attributes).items()
    }


def _note(span: Span, error: BaseException, *, is_foreseen: bool = False) -> None:
    """Say how the span's work ended. A refusal on purpose is named; only what nobody intended is an error."""
    span.set_attribute("error.type", type(error).__qualname__)
    if is_foreseen or not isinstance(error, Exception):
        return
    text = without_addresses(redacted_text(str(error)))[:_LONGEST_TEXT]
    span.add_event("exception", {"exception.type": type(error).__qualname__, "exception.message": text})
    span.set_status(Status(StatusCode.ERROR, text.partition("\n")[0]))


def note_uncaught(**_: Any) -> None:
    """Django has made a 500 of an exception: it does not come by the request's span by itself."""
    if (error := sys.exception()) is not None:
        _note(trace.get_current_span(), error)
