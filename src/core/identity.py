"""Who and what a request or a task is, in the context that logs and events take it from."""

import re
from uuid import uuid4

import structlog
from django.conf import settings

from outbox import context

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# W3C Trace Context: version, trace id, parent id, flags. Versions to come may append fields, which we leave off.
_TRACEPARENT = re.compile(
    r"(?P<known>(?P<version>(?!ff)[0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?P<rest>-.*)?"
)


def identify(*, request_id: str, trace: str) -> str:
    """Begin a request in this context, with an id made for it if it brings none; returns the id."""
    forget()
    request_id = request_id or str(uuid4())
    context.request_id.set(request_id)
    context.trace_context.set(trace)
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def forget() -> None:
    """Leave nothing of the last request or task in this context."""
    for variable in (context.request_id, context.trace_context, context.actor_id):
        variable.set("")
    structlog.contextvars.clear_contextvars()


def accepted_request_id(sent: str) -> str:
    """The caller's id, or nothing.

    Only from those who are behind our own proxies, or in development: others could pass theirs off as somebody's.
    """
    return request_id_of(sent) if settings.REQUEST_IDS_BELIEVED else ""


def accepted_traceparent(sent: str) -> str:
    """The caller's trace, or nothing: whoever names it also decides whether it is sampled, so the same holds."""
    return traceparent_of(sent) if settings.REQUEST_IDS_BELIEVED else ""


def request_id_of(sent: str) -> str:
    """The id, or nothing when it is not one: it goes into logs and events, so only harmless characters are taken."""
    return sent if _REQUEST_ID.fullmatch(sent) else ""


def traceparent_of(sent: str) -> str:
    """The four fields of a W3C traceparent, or nothing when it is not one."""
    found = _TRACEPARENT.fullmatch(sent.strip())
    if found is None or (found["version"] == "00" and found["rest"] is not None):
        return ""
    return found["known"]
