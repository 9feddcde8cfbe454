"""Which errors an operation can answer. They are raised here, and what core.errors makes of them is the example."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from string import Formatter
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework import exceptions
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.serializers import Serializer

from core import body_limit, transport
from core.errors import problem_response, unavailable
from core.problem import Problem
from kit.api import AsyncAPIView, Operation
from kit.errors import DomainError
from outbox import context

_PLACEHOLDERS: dict[str, Any] = {
    "user_id": 42,
    "session_id": "5d41402abc4b2a76b9719d911017c592",
    "event_id": "019ab5c1-7c3e-7f21-9d55-0a4f3b8e6c12",
    "retry_after": 30,
}
_REQUEST_ID = "45ebbd7c-6c48-4dab-ac33-23cabf24e9a7"


def problems(view: AsyncAPIView, asked: Operation, *, path: str, method: str) -> Iterator[HttpResponse]:
    """One answer for each kind of error that this operation may end in."""
    has_body = asked.takes is not None and method != "GET"
    is_one_of_many = "{" in path
    path = path.format_map(_PLACEHOLDERS)
    with as_in_a_request():
        request = RequestFactory().generic(method, path)
        for error in _errors(view, asked, method=method, has_body=has_body):
            answer = problem_response(error, {"view": view, "request": request})
            assert answer is not None, f"{type(view).__name__}.refusals does not say which status {error!r} has"
            yield answer
        if has_body:
            document = body_limit.refusal(path=path, most_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
            del document["request_id"]  # it is answered before the request has one
            yield HttpResponse(json.dumps(document), status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            yield Problem(HTTPStatus.BAD_REQUEST, path=path)
        if is_one_of_many:
            yield Problem(HTTPStatus.NOT_FOUND, path=path)
        if transport.concerns(path):
            yield transport.refusal(path=path)
        yield Problem(HTTPStatus.INTERNAL_SERVER_ERROR, path=path)
        yield unavailable(path=path)


def _errors(view: AsyncAPIView, asked: Operation, *, method: str, has_body: bool) -> Iterator[Exception]:
    yield exceptions.NotAcceptable()
    yield from _refusals_of_the_person(view)
    if asked.takes:
        yield _invalid(asked.takes)
    if has_body:
        yield exceptions.ParseError("The body is not JSON in UTF-8: Expecting value: line 1 column 1 (char 0).")
        yield exceptions.UnsupportedMediaType("text/plain")
    of_guards = [refusal for guard in view.guards_of(method) for refusal in guard.refusals]
    for refusal in dict.fromkeys([*(view.refusals if asked.refuses is None else asked.refuses), *of_guards]):
        yield _example(refusal, known=example_of(asked.takes) or {})


def _refusals_of_the_person(view: AsyncAPIView) -> Iterator[Exception]:
    demands = [permission for permission in view.get_permissions() if not isinstance(permission, AllowAny)]
    if demands and view.get_authenticators():
        error = exceptions.NotAuthenticated()
        vars(error)["auth_header"] = view.get_authenticate_header(view.request)  # as REST framework's views do
        yield error
    if any(not isinstance(permission, IsAuthenticated) for permission in demands):
        yield PermissionDenied()


def _invalid(serializer: type[Serializer[Any]]) -> Exception:
    """What the serializer says of an empty body, or of a list if it needs nothing."""
    needs_something = any(field.required for field in serializer().fields.values())
    try:
        serializer(data={} if needs_something else []).is_valid(raise_exception=True)
    except exceptions.ValidationError as error:
        return error
    raise AssertionError(f"{serializer.__name__} takes anything")


def _example(refusal: type[DomainError], *, known: dict[str, Any]) -> DomainError:
    """The error as it would be raised, its placeholders filled from the example of what the operation takes."""
    names = [name for _, name, _, _ in Formatter().parse(refusal.__doc__ or "") if name]
    return refusal(**{name: known.get(name, _PLACEHOLDERS.get(name, "…")) for name in names})


def example_of(serializer: object) -> dict[str, Any] | None:
    """The example that a serializer gives of itself."""
    return getattr(serializer, "example", None)


@contextmanager
def as_in_a_request() -> Iterator[None]:
    before = context.request_id.set(_REQUEST_ID)
    try:
        yield
    finally:
        context.request_id.reset(before)
