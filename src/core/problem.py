"""The one shape of an error answer, `application/problem+json` (RFC 9457)."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.utils.encoding import escape_uri_path

from kit.errors import DomainError
from outbox import context

CONTENT_TYPE = "application/problem+json"
# As RFC 9110 has it; Python's own phrase is another one before 3.13.
_PHRASES = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large"}
_EXPLANATIONS = {
    HTTPStatus.BAD_REQUEST: "The request could not be understood.",
    HTTPStatus.FORBIDDEN: "This is not allowed to you.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address (those of the API end with a slash).",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something failed here. It has been logged under this request's id.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database does not answer just now: try again in a moment.",
}


class Problem(HttpResponse):
    """An error answer; `kind` names one that clients may want to tell from others of the same status."""

    def __init__(
        self,
        status: int,
        *,
        path: str,
        kind: str = "",
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        content = json.dumps(body(status, path=path, kind=kind, detail=detail, **members)).encode()
        all_headers = {**(headers or {}), "Content-Type": CONTENT_TYPE, "Content-Length": str(len(content))}
        super().__init__(content, status=status, headers=all_headers)


def kind_of(error: type[DomainError]) -> str:
    """How a domain error is called in the `type` of its problem: EmailTaken is `email-taken`."""
    return re.sub(r"(?<=.)(?=[A-Z])", "-", error.__name__).lower()


def type_of(kind: str) -> str:
    """The problem's `type`: where the status says it all, RFC 9457 wants about:blank."""
    return f"urn:problem:{kind}" if kind else "about:blank"


def body(status: int, *, path: str, kind: str = "", detail: str = "", **members: Any) -> dict[str, Any]:
    """The members of a problem: the standard ones, the request's id, and those of this kind."""
    known = HTTPStatus(status)
    request_id = context.request_id.get()
    return {
        "type": type_of(kind),
        "title": kind.replace("-", " ").capitalize() if kind else _PHRASES.get(known, known.phrase),
        "status": int(status),
        "detail": detail or _EXPLANATIONS.get(known, known.description or known.phrase),
        "instance": escape_uri_path(path),
        **({"request_id": request_id} if request_id else {}),
        **members,
    }
