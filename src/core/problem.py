"""The one shape of an error answer, `application/problem+json` (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

from outbox import context

CONTENT_TYPE = "application/problem+json"
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


def body(status: int, *, path: str, kind: str = "", detail: str = "", **members: Any) -> dict[str, Any]:
    """The members of a problem: the standard ones, the request's id, and those of this kind."""
    known = HTTPStatus(status)
    request_id = context.request_id.get()
    return {
        "type": f"urn:problem:{kind}" if kind else "about:blank",
        "title": kind.replace("-", " ").capitalize() if kind else known.phrase,
        "status": int(status),
        "detail": detail or _EXPLANATIONS.get(known, known.description or known.phrase),
        "instance": path,
        **({"request_id": request_id} if request_id else {}),
        **members,
    }
