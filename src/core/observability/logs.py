"""One line an event: a stable identifier plus keys, from our code and from libraries alike. No secret is in it."""

import io
import json
import logging.config
import os
import sys
import threading
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from kombu.exceptions import OperationalError

from core.observability.rendering import finish, shared

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

# Those through which Django tells of requests: it puts the path into the text.
_OF_REQUESTS = ("django.request", "django.security.csrf")

log = structlog.get_logger(__name__)


class OfRequests(logging.Filter):
    """Takes the path out of Django's lines about a request, and what says an error once more.

    A path holds what people typed. Of an exception there is one line, with its traceback; an answer of 5xx without one
    was chosen, and whoever chose it has said why.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str) and isinstance(record.args, tuple) and record.msg.endswith(": %s"):
            record.msg, record.args = record.msg.removesuffix(": %s"), record.args[:-1]
        return record.levelno < logging.ERROR or bool(record.exc_info)


class OfBeat(logging.Filter):
    """Tells in a warning's line that the broker is away, once a tick, what Celery tells with two stacks as an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if error is not None and isinstance(error.__context__, OperationalError):
            record.msg, record.args, record.exc_info = str(error), (), None
        elif not str(record.msg).startswith("beat: Connection error"):
            return True
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


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
            *shared(fmt),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def json_formatter() -> logging.Formatter:
    """For uvicorn.json, which Uvicorn's command is given: the parent of several workers never loads the application."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared("json"),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish("json", "stdout")],
    )


def say(message: str, *_: object) -> None:
    """Log from within a signal handler, where nothing may be taken that is perhaps held: straight to the output."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
    line = {"event": message, "level": "info", "logger": "celery.apps.worker", "timestamp": f"{now}Z"}
    os.write(1, f"{json.dumps(line)}\n".encode())


def _configuration(*, level: str, fmt: str, levels: Mapping[str, str], stream: str) -> dict[str, Any]:
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared(fmt),
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish(fmt, stream)],
    }
    loggers: dict[str, dict[str, Any]] = {
        # The uvicorn command has given these handlers of its own. The access line is ours, see core.access.
        "uvicorn": {"handlers": [], "propagate": True},
        "uvicorn.access": {"handlers": [], "propagate": False},
        # Whoever asks for it first cuts it off from the others: a worker tells here which of its children was killed.
        "multiprocessing": {"handlers": ["stream"], "propagate": False},
    }
    for name in _OF_REQUESTS:
        loggers[name] = {"filters": ["of_requests"]}
    loggers["celery.beat"] = {"filters": ["of_beat"]}
    for name, least in levels.items():
        loggers.setdefault(name, {})["level"] = least
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structlog": formatter},
        "filters": {"of_requests": {"()": OfRequests}, "of_beat": {"()": OfBeat}},
        "handlers": {
            "stream": {"class": "logging.StreamHandler", "formatter": "structlog", "stream": f"ext://sys.{stream}"}
        },
        "root": {"handlers": ["stream"], "level": level},
        "loggers": loggers,
    }


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
