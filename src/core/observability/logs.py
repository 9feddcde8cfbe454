"""One line an event: a stable identifier plus keys, from our code and from libraries alike."""

import logging.config
import sys
from uuid import UUID

import structlog
from structlog.typing import EventDict, Processor

# What libraries hang on their records for renderers of their own.
_FOREIGN_BALLAST = ("color_message", "request", "server_time")


def configure(*, level: str, fmt: str) -> None:
    """Send everything through structlog to standard output; `fmt` is console or json."""
    shared = _shared(fmt)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structlog": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_finish(fmt)],
                }
            },
            "handlers": {
                "stdout": {"class": "logging.StreamHandler", "formatter": "structlog", "stream": "ext://sys.stdout"}
            },
            "root": {"handlers": ["stdout"], "level": level},
            "loggers": {
                "celery": {"level": "WARNING"},
                "celery.apps.worker": {"level": "INFO"},
                # It tells of tasks that are discarded because they came too late, and of nothing that is as it must be.
                "celery.worker.request": {"level": "INFO"},
                "kombu": {"level": "WARNING"},
                "asynch": {"level": "WARNING"},
                # What was refused stands in the access line; only faults of ours are worth another.
                "django.request": {"level": "ERROR"},
                # The uvicorn command has given these handlers of its own.
                "uvicorn": {"handlers": [], "propagate": True},
                "uvicorn.access": {"handlers": [], "propagate": True},
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


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
        structlog.processors.StackInfoRenderer(),
        _without_ballast,
        _with_ids_as_text,
    ]


def _finish(fmt: str) -> list[Processor]:
    if fmt == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    # Plain tracebacks: a prettier one shows local variables, and a password may be among them.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), pad_event_to=0, exception_formatter=plain)]


def _without_ballast(_logger: object, _method: str, event: EventDict) -> EventDict:
    for key in _FOREIGN_BALLAST:
        event.pop(key, None)
    return event


def _with_ids_as_text(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Show ids as people and machines search for them."""
    return {key: str(value) if isinstance(value, UUID) else value for key, value in event.items()}
