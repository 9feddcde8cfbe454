"""Every error the API answers is `application/problem+json` (RFC 9457), wherever it was raised.

Views' errors come through `problem_response`; whatever else Django makes of an error (no such path, a refused host,
an uncaught exception) is rewritten on its way out by `problem_details`. None of this may touch the database: it runs
on the event loop.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.settings import api_settings

from core.problem import Problem, kind_of
from kit.api import AsyncAPIView
from kit.errors import DomainError

log = structlog.get_logger()

_FOR_PEOPLE = ("/admin/", "/static/")
_RETRY_AFTER_SECONDS = "5"


def problem_response(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """The answer to an error that a view raised; None for one that nobody foresaw (Django logs it and answers 500)."""
    view, path = context["view"], context["request"].path
    match error:
        case DomainError():
            return _refusal(error, view=view, path=path)
        case ValidationError() | ModelValidationError():
            return _invalid_input(error, path=path)
        case APIException() if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return Problem(error.status_code, path=path, detail=str(error.detail), headers=_headers(error))
        case Http404() | PermissionDenied():
            return Problem(HTTPStatus.NOT_FOUND if isinstance(error, Http404) else HTTPStatus.FORBIDDEN, path=path)
        case OperationalError() | InterfaceError():
            log.error("database_unavailable", exc_info=error)
            return unavailable(path=path)
    return None


def unavailable(*, path: str) -> Problem:
    """The answer while the database does not."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, path=path, headers={"Retry-After": _RETRY_AFTER_SECONDS})


@sync_and_async_middleware
def problem_details(get_response: Any) -> Any:
    """Middleware: rewrite errors that are meant for browsers, Django's debug pages included, into problems."""

    async def within_asgi(request: HttpRequest) -> HttpResponseBase:
        return _as_problem(request, await get_response(request))

    def within_wsgi(request: HttpRequest) -> HttpResponseBase:
        return _as_problem(request, get_response(request))

    return within_asgi if iscoroutinefunction(get_response) else within_wsgi


def _as_problem(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    is_answer = response.status_code < HTTPStatus.BAD_REQUEST or isinstance(response, Problem)
    if is_answer or request.path.startswith(_FOR_PEOPLE):
        return response
    headers = {name: value for name, value in response.headers.items() if not name.lower().startswith("content-")}
    problem = Problem(response.status_code, path=request.path, headers=headers)
    # Closing the response here would say that the request has finished: its id and actor would be forgotten too early.
    problem._resource_closers += response._resource_closers  # type: ignore[attr-defined]  # noqa: SLF001 -- the only way
    return problem


def _refusal(error: DomainError, *, view: Any, path: str) -> Problem | None:
    status = view.status_of(error) if isinstance(view, AsyncAPIView) else None
    if status is None:
        return None
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    if "retry_after" in error.details:
        headers["Retry-After"] = str(error.details["retry_after"])
    return Problem(status, path=path, kind=kind_of(type(error)), detail=str(error), headers=headers)


def _invalid_input(error: ValidationError | ModelValidationError, *, path: str) -> Problem:
    if isinstance(error, ModelValidationError):  # from a use case, which knows nothing of HTTP
        error = ValidationError(get_error_detail(error))
    errors = list(_field_errors(error.get_full_details()))
    detail = "Some fields are not right."
    return Problem(HTTPStatus.BAD_REQUEST, path=path, kind="invalid-input", detail=detail, errors=errors)


def _headers(error: APIException) -> dict[str, str]:
    """What REST framework leaves on its errors for its own handler."""
    names = {"WWW-Authenticate": "auth_header", "Retry-After": "wait"}
    return {name: str(getattr(error, key)) for name, key in names.items() if getattr(error, key, None)}


def _field_errors(details: Any, field: str = "") -> Iterator[dict[str, str]]:
    """Flatten REST framework's nested errors: one entry an error, fields by their dotted path."""
    if isinstance(details, list):
        for index, each in enumerate(details):
            nested = isinstance(each, dict) and set(each) != {"message", "code"}
            yield from _field_errors(each, f"{field}.{index}".lstrip(".") if nested else field)
    elif set(details) == {"message", "code"} and isinstance(details["message"], ErrorDetail):
        yield {"field": field, "code": details["code"], "detail": str(details["message"])}
    else:
        for name, each in details.items():
            own = "" if name == api_settings.NON_FIELD_ERRORS_KEY else name
            yield from _field_errors(each, f"{field}.{own}".strip("."))
