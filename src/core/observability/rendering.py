"""Makes a line of the log: what stands in it, in which order, and without secrets."""

import sys
from collections.abc import Callable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from core.observability.redaction import as_text, looks_harmless, redacted_mapping, without_addresses
from kit.span import traceparent

# What libraries hang on their records for renderers of their own.
_FOREIGN_BALLAST = ("color_message", "request", "server_time", "taskName")


def shared(fmt: str) -> list[Processor]:
    """What every line goes through first, whoever has logged it."""
    clock = structlog.processors.TimeStamper(fmt="iso", utc=True)
    if fmt == "console":
        clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        clock,
        _with_trace,
        structlog.processors.StackInfoRenderer(),
        _without_ballast,
    ]


def finish(fmt: str, stream: str) -> list[Processor]:
    """What makes a text of it in the end."""
    # Plain tracebacks: a prettier one shows local variables, and a password may be among them.
    return [
        structlog.processors.format_exc_info,
        _nobodys_address,
        _without_secrets(_json if fmt == "json" else _console(stream)),
    ]


_FIRST = ("timestamp", "level", "event")
_render_json = structlog.processors.JSONRenderer(ensure_ascii=False, default=as_text)


# Line ends of Unicode that JSON leaves as they are and some readers cut at.
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x7f\x85\u2028\u2029"}


def _json(logger: object, method: str, event: EventDict) -> str:
    line = str(_render_json(logger, method, {**{key: event[key] for key in _FIRST if key in event}, **event}))
    return line if line.isascii() else line.translate(_LINE_ENDS)


def _console(stream: str) -> Callable[[object, str, EventDict], str]:
    render = structlog.dev.ConsoleRenderer(
        colors=getattr(sys, stream).isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )

    def console(logger: Any, method: str, event: EventDict) -> str:
        plain = {key: value if isinstance(value, (str, int, float)) else as_text(value) for key, value in event.items()}
        return str(render(logger, method, plain))

    return console


def _nobodys_address(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask e-mail addresses where nobody has put them on purpose: a traceback quotes the database's answers."""
    if "exception" in event:
        event["exception"] = without_addresses(event["exception"])
    return event


def _without_secrets(render: Callable[[object, str, EventDict], str]) -> Processor:
    """Render; where the line has anything suspicious in it, find what it is and render without.

    Most lines are through after one look at the finished text, which is several times cheaper than one at every value.
    """

    def rendered(logger: object, method: str, event: EventDict) -> str:
        try:
            line = render(logger, method, dict(event))
            if looks_harmless(line):
                return line
        except (TypeError, ValueError, RecursionError):
            pass  # a dictionary with keys that JSON has not, or one that holds itself: made plain below
        return render(logger, method, redacted_mapping(event))

    return rendered


def _with_trace(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Name the trace and the span that the line belongs to, as the event_log does."""
    present = traceparent.get()
    if present:
        event["trace_id"], event["span_id"] = present[3:35], present[36:52]
    return event


def _without_ballast(_logger: object, _method: str, event: EventDict) -> EventDict:
    for key in _FOREIGN_BALLAST:
        event.pop(key, None)
    return event
