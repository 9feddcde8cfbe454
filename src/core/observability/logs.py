"""One line an event: a stable identifier plus keys, from our code and from libraries alike. No secret is in it."""

import io
import json
import logging.config
import os
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from core.observability.redaction import as_text, looks_harmless, redacted_mapping, without_addresses
from kit.span import traceparent

# What libraries hang on their records for renderers of their own.
_FOREIGN_BALLAST = ("color_message", "request", "server_time", "taskName")
_LEVELS = {
    "celery": "WARNING",
    "celery.apps.worker": "INFO",
    # It tells of tasks that are discarded because they came too late, and of nothing that is as it must be.
    "celery.worker.request": "INFO",
    "kombu": "WARNING",
    "asynch": "WARNING",
    "multiprocessing": "WARNING",
    # What was refused stands in the access line; only faults of ours are worth another.
    "django.request": "ERROR",
    # A scanner's Host header likewise, which Django reports with a traceback.
    "django.security.DisallowedHost": "CRITICAL",
}

log = structlog.get_logger(__name__)


def configure(*, level: str, fmt: str, levels: Mapping[str, str] | None = None, stream: str = "stdout") -> None:
    """Send everything through structlog to `stream`; `fmt` is console or json, `levels` is by logger."""
    if fmt == "json":
        _take_any_text(getattr(sys, stream))
        sys.excepthook, threading.excepthook = _log_uncaught, _log_uncaught_in_thread
    # A process that serves without Uvicorn's command (and the command, before it loads us) may have set up its own.
    logging.config.dictConfig(_configuration(level=level, fmt=fmt, levels={**_LEVELS, **(levels or {})}, stream=stream))
    logging.captureWarnings(capture=True)
    warnings.formatwarning = _one_line
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(fmt),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def json_formatter() -> logging.Formatter:
    """For uvicorn.json, which Uvicorn's command is given: the parent of several workers never loads the application."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared("json"),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_finish("json", "stdout")],
    )


def say(message: str, *_: object) -> None:
    """Log from within a signal handler, where nothing may be taken that is perhaps held: straight to the output."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
    line = {"event": message, "level": "info", "logger": "celery.apps.worker", "timestamp": f"{now}Z"}
    os.write(1, f"{json.dumps(line)}\n".encode())


def _configuration(*, level: str, fmt: str, levels: Mapping[str, str], stream: str) -> dict[str, Any]:
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _shared(fmt),
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_finish(fmt, stream)],
    }
    loggers: dict[str, dict[str, Any]] = {
        # The uvicorn command has given these handlers of its own. The access line is ours, see core.access.
        "uvicorn": {"handlers": [], "propagate": True},
        "uvicorn.access": {"handlers": [], "propagate": False},
        # Whoever asks for it first cuts it off from the others: a worker tells here which of its children was killed.
        "multiprocessing": {"handlers": ["stream"], "propagate": False},
    }
    for name, least in levels.items():
        loggers.setdefault(name, {})["level"] = least
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structlog": formatter},
        "handlers": {
            "stream": {"class": "logging.StreamHandler", "formatter": "structlog", "stream": f"ext://sys.{stream}"}
        },
        "root": {"handlers": ["stream"], "level": level},
        "loggers": loggers,
    }


def _shared(fmt: str) -> list[Processor]:
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


def _finish(fmt: str, stream: str) -> list[Processor]:
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


def _one_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    del line  # the source's text, which Python would add
    return f"{category.__name__}: {message} ({filename}:{lineno})"


def _take_any_text(stream: object) -> None:
    """A line must not be lost because of half a surrogate pair or the terminal's alphabet: such become escapes."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("uncaught_exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        thread = args.thread.name if args.thread else ""
        log.critical("uncaught_exception", thread=thread, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
