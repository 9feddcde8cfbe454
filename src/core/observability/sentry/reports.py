"""What is reported of a fault, and what of it leaves.

What nobody foresaw is reported, and what our code logs as an error: one issue for each identifier and kind of
exception, whatever its keys.
"""

import asyncio
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import structlog
from django.core.exceptions import RequestAborted

from core.access import NO_ROUTE
from core.observability.redaction import redacted_mapping, without_addresses
from events.store import StoreUnavailable
from kit.span import traceparent
from outbox import context

# Somebody else's doing, and answered or waited out as it should be. Django answers Http404, PermissionDenied and what
# is suspicious by itself, so none of them comes here from a request; from a task, each is a fault of ours.
EXPECTED = (asyncio.CancelledError, RequestAborted, StoreUnavailable)
# What stands on every line of the log, and elsewhere in a report.
_KNOWN_ANYWAY = frozenset({"event", "level", "logger", "timestamp", "exc_info", "stack_info", "trace_id", "span_id"})
# Of a request's headers only these leave. Whose address it is stands in many others, under names that nobody can list
# (Forwarded, CF-Connecting-IP, …), and Referer quotes what somebody was looking at.
_HARMLESS_HEADERS = frozenset({"accept", "content-length", "content-type", "host", "user-agent"})

type Report = dict[str, Any]
type _ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def before_send(report: Report, hint: Mapping[str, Any]) -> Report | None:
    """The report as it may leave; None if what it is about was expected."""
    if _is_expected(hint.get("exc_info")):
        return None
    logged = _logged(hint)
    if logged is not None:
        if _is_expected(_error(logged)):
            return None
        _describe(report, logged)
    return fit_to_leave(report)


def fit_to_leave(report: Report) -> Report:
    """The same with who and where it was, and without what must stay here."""
    _identify(report)
    if "request" in report:
        report["request"].pop("query_string", None)
        # A path that is no route's holds what somebody has typed, or a letter's token; `transaction` names the route.
        report["request"]["url"] = _site(report["request"].get("url", ""))
        headers = report["request"].get("headers") or {}
        report["request"]["headers"] = {
            name: value for name, value in headers.items() if name.lower() in _HARMLESS_HEADERS
        }
    if report.get("transaction_info", {}).get("source") == "url":
        report["transaction"] = NO_ROUTE
    if "logentry" in report:
        # By itself an argument no longer looks like what it is: the finished text has it, and is looked through.
        report["logentry"].pop("params", None)
    shown: Report = without_addresses(redacted_mapping(report))
    return {**shown, **{key: report[key] for key in ("release",) if key in report}}  # many are called app@1.2.3


def before_breadcrumb(crumb: Report, hint: Mapping[str, Any]) -> Report:
    """Show a line's identifier and keys. Secrets are looked for when a report takes the crumbs along; most are not."""
    logged = _logged(hint)
    return crumb if logged is None else crumb | {"message": logged["event"], "data": _keys(logged)}


def _site(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('/')[0]}" if separator else ""


def _logged(hint: Mapping[str, Any]) -> dict[str, Any] | None:
    """The line of the log, if the report is of one of ours: structlog hands on its keys as the record's message."""
    message = getattr(hint.get("log_record"), "msg", None)
    return message if isinstance(message, dict) and "event" in message else None


def _describe(report: Report, logged: Mapping[str, Any]) -> None:
    """Name the report after the line's identifier, group it by that and by the kind of error, and show its keys."""
    report["logentry"] = {"message": logged["event"], "formatted": logged["event"], "params": []}
    report["fingerprint"] = [logged["event"]]
    report["extra"] = _keys(logged)
    error = _error(logged)
    if error is not None:
        import sentry_sdk  # noqa: PLC0415 -- it has been imported by now
        from sentry_sdk.utils import event_from_exception  # noqa: PLC0415 -- likewise

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
    return error is not None and isinstance(error[1], EXPECTED)


def _keys(logged: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in logged.items() if key not in _KNOWN_ANYWAY}


def _identify(report: Report) -> None:
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
