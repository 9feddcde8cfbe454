"""Error reports to Sentry, if a DSN is set. It is imported only then: a start without it imports nothing.

What nobody foresaw is reported, and what our code logs as an error: one issue for each identifier and kind of
exception, whatever its keys.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import structlog
from django.core.exceptions import RequestAborted

from core.access import PROBES
from core.observability.redaction import redacted_mapping, without_addresses
from core.task import MOSTLY_IDLE
from events.store import StoreUnavailable
from kit.span import register_tracer, traceparent
from outbox import context

# Somebody else's doing, and answered or waited out as it should be. Django answers Http404, PermissionDenied and what
# is suspicious by itself, so none of them comes here from a request; from a task, each is a fault of ours.
_EXPECTED = (asyncio.CancelledError, RequestAborted, StoreUnavailable)
# What stands on every line of the log, and elsewhere in a report.
_KNOWN_ANYWAY = frozenset({"event", "level", "logger", "timestamp", "exc_info", "stack_info", "trace_id", "span_id"})

# What Celery's and the databases' integrations add to every task.
_INCIDENTAL = frozenset({"db", "db.redis", "queue.process"})
# Sentry's integrations begin a transaction with these.
_ITS_OWN = frozenset({"http.request", "celery.task"})

type _Report = dict[str, Any]
type _ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(*, dsn: str, environment: str, release: str, sample_rate: float, traces_sample_rate: float) -> None:
    if not dsn:
        return
    import sentry_sdk  # noqa: PLC0415 -- importing it takes a tenth of a second
    from sentry_sdk.integrations.django import DjangoIntegration  # noqa: PLC0415 -- likewise
    from sentry_sdk.integrations.logging import ignore_logger  # noqa: PLC0415 -- likewise
    from sentry_sdk.integrations.threading import ThreadingIntegration  # noqa: PLC0415 -- likewise

    ignore_logger("django.security.*")  # clients' attempts, as in _EXPECTED
    ignore_logger("opentelemetry.*")  # a collector that is away is no fault of the application
    ignore_logger("core.observability.logs")  # it logs what Sentry has met as an uncaught exception already
    # Request bodies and local variables hold passwords, which no list of suspicious names finds everywhere: neither is
    # sent. The rest goes through the redaction that the log goes through.
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release or None,
        sample_rate=sample_rate,
        traces_sampler=_sampler(traces_sample_rate) if traces_sample_rate else None,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=_before_send,  # type: ignore[arg-type]  # Sentry's own types are dictionaries with these keys
        before_send_transaction=_before_send_transaction,  # type: ignore[arg-type]
        before_breadcrumb=_before_breadcrumb,
        integrations=[
            # The spans that are worth their cost are those of kit.span and of the database.
            DjangoIntegration(middleware_spans=False, signals_spans=False),
            # Its copies of two scopes for every change of thread, a dozen a request, were the largest part of what all
            # this costs; Django's threads have the request's context, and with it the scopes, anyway.
            ThreadingIntegration(propagate_scope=False),
        ],
    )
    if traces_sample_rate:
        register_tracer(_open_span)


def flush() -> None:
    """Send what is still to be sent."""
    import sentry_sdk  # noqa: PLC0415 -- it has been imported by now

    sentry_sdk.flush(timeout=2)


def _before_send(report: _Report, hint: Mapping[str, Any]) -> _Report | None:
    if _is_expected(hint.get("exc_info")):
        return None
    logged = _logged(hint)
    if logged is not None:
        if _is_expected(_error(logged)):
            return None
        _describe(report, logged)
    return _fit_to_leave(report)


def _before_send_transaction(report: _Report, _hint: Mapping[str, Any]) -> _Report | None:
    return None if _is_idle_task(report) else _fit_to_leave(report)


def _sampler(rate: float) -> Callable[[Mapping[str, Any]], float]:
    """Of which requests and tasks the trace is sent: this share, or as a caller of ours decided; of probes, none."""

    def sampled(begun: Mapping[str, Any]) -> float:
        if begun.get("asgi_scope", {}).get("path") in PROBES:
            return 0.0
        # Strangers' decisions core.strangers has taken off at the door.
        decided: bool | None = begun.get("parent_sampled")
        return rate if decided is None else float(decided)

    return sampled


def _is_idle_task(report: _Report) -> bool:
    """Whether it was a task that found nothing to do but to ask the database: there is one every second."""
    trace = report.get("contexts", {}).get("trace", {})
    is_well = trace.get("op") == "queue.task.celery" and trace.get("status") in {None, "ok"}
    is_mostly = report.get("transaction") in MOSTLY_IDLE
    return is_well and is_mostly and all(span.get("op") in _INCIDENTAL for span in report.get("spans", ()))


def _fit_to_leave(report: _Report) -> _Report:
    _identify(report)
    if "request" in report:
        report["request"].pop("query_string", None)
    if "logentry" in report:
        # By itself an argument no longer looks like what it is: the finished text has it, and is looked through.
        report["logentry"].pop("params", None)
    shown: _Report = without_addresses(redacted_mapping(report))
    return {**shown, **{key: report[key] for key in ("release",) if key in report}}  # many are called app@1.2.3


def _before_breadcrumb(crumb: _Report, hint: Mapping[str, Any]) -> _Report:
    """Show a line's identifier and keys. Secrets are looked for when a report takes the crumbs along; most are not."""
    logged = _logged(hint)
    return crumb if logged is None else crumb | {"message": logged["event"], "data": _keys(logged)}


def _logged(hint: Mapping[str, Any]) -> dict[str, Any] | None:
    """The line of the log, if the report is of one of ours: structlog hands on its keys as the record's message."""
    message = getattr(hint.get("log_record"), "msg", None)
    return message if isinstance(message, dict) and "event" in message else None


def _describe(report: _Report, logged: Mapping[str, Any]) -> None:
    """Name the report after the line's identifier, group it by that and by the kind of error, and show its keys."""
    report["logentry"] = {"message": logged["event"], "formatted": logged["event"], "params": []}
    report["fingerprint"] = [logged["event"]]
    report["extra"] = _keys(logged)
    error = _error(logged)
    if error is not None:
        import sentry_sdk  # noqa: PLC0415 -- as above
        from sentry_sdk.utils import event_from_exception  # noqa: PLC0415 -- as above

        report["fingerprint"].append(error[0].__qualname__)
        # Without the client's options it would show local variables, whatever init was told.
        options = sentry_sdk.get_client().options
        shown, _ = event_from_exception(error, client_options=options, mechanism={"type": "logging", "handled": True})
        report["exception"] = shown["exception"]


def _error(logged: Mapping[str, Any]) -> _ErrorInfo | None:
    """The exception that was logged; structlog takes one, a tuple, or True for the present one."""
    match logged.get("exc_info"):
        case BaseException() as error:
            return type(error), error, error.__traceback__
        case (type() as kind, BaseException() as error, trace):
            return kind, error, trace
        case True if (present := sys.exception()) is not None:
            return type(present), present, present.__traceback__
    return None


def _is_expected(error: _ErrorInfo | None) -> bool:
    return error is not None and isinstance(error[1], _EXPECTED)


def _keys(logged: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in logged.items() if key not in _KNOWN_ANYWAY}


def _identify(report: _Report) -> None:
    """Say in which request, task and trace it happened; of the person, the id alone."""
    bound = structlog.contextvars.get_contextvars()
    trace = traceparent.get()
    named = {
        "request_id": context.request_id.get(), "task": bound.get("task"), "task_id": bound.get("task_id"),
        "command": bound.get("command"), "trace_id": trace[3:35],
    }  # fmt: skip
    report["tags"] = {**(report.get("tags") or {}), **{name: value for name, value in named.items() if value}}
    actor_id = context.actor_id.get()
    report["user"] = {"id": actor_id} if actor_id else {}


@contextmanager
def _open_span(name: str, attributes: dict[str, object]) -> Iterator[None]:
    import sentry_sdk  # noqa: PLC0415 -- as above

    if name in _ITS_OWN:
        yield
        return
    with sentry_sdk.start_span(op=name, name=name) as span:
        for key, value in redacted_mapping(attributes).items():
            span.set_data(key, value)
        yield
