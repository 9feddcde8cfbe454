"""What operations share in the document: the problem, its kinds, headers, and the answers that are alike everywhere."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.http import HttpResponse
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from core.problem import CONTENT_TYPE, type_of

type Json = dict[str, Any]

REQUEST_ID: Json = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "Your id for this request: up to 64 of `A-Z a-z 0-9 . _ -`. Anything else is replaced by a new one, "
    "and so is every id where the server has no proxy that it trusts (`TRUSTED_PROXIES`).",
    "schema": {"type": "string"},
    "example": "checkout-7",
}
_HEADERS: dict[str, Json] = {
    "X-Request-ID": {
        "description": "The request's id: yours, or a new one. It stands in the logs and in the request's events.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "example": "45ebbd7c-6c48-4dab-ac33-23cabf24e9a7",
    },
    "Location": {
        "description": "Where the new thing is.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/api/users/me/",
    },
    "WWW-Authenticate": {
        "description": "How to say who you are.",
        "required": True,
        "schema": {"type": "string"},
        "example": "Bearer",
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
        "example": 30,
    },
}
_SOMEWHERE = "/api/users/me/"
_PROBLEM: Json = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "What kind of error this is, for programs."},
        "title": {"type": "string", "description": "The same, for people."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened and what to do."},
        "instance": {"type": "string", "format": "uri-reference", "description": "The path that was asked for."},
        "request_id": {"type": "string", "description": "Under this the logs know the request."},
    },
}
_FIELD_ERROR: Json = {
    "type": "object",
    "required": ["field", "code", "detail"],
    "properties": {
        "field": {"type": "string", "description": "A path with dots; empty for the body as a whole."},
        "code": {"type": "string", "description": "For programs."},
        "detail": {"type": "string", "description": "For people."},
    },
}


def header(registry: ComponentRegistry, name: str) -> Json:
    """A reference to a header that answers have."""
    return _referenced(registry, ResolvedComponent.HEADER, name, _HEADERS[name])


def request_id(registry: ComponentRegistry) -> Json:
    """A reference to the header that every request may have."""
    return _referenced(registry, ResolvedComponent.PARAMETER, "RequestId", REQUEST_ID)


def problem_responses(registry: ComponentRegistry, answers: Sequence[HttpResponse]) -> dict[str, Json]:
    """The documentation of these answers: one response for each status."""
    by_status = sorted(answers, key=_status)
    return {str(status): _response(registry, list(those)) for status, those in groupby(by_status, _status)}


def _status(answer: HttpResponse) -> int:
    return answer.status_code


def _response(registry: ComponentRegistry, answers: list[HttpResponse]) -> Json:
    """The response of one status. One that is the same wherever it is given stands only once, among the components."""
    bodies = [json.loads(answer.content) for answer in answers]
    here = _described(registry, answers, bodies)
    if any("errors" in body for body in bodies):
        return here
    anywhere = _described(registry, answers, [body | {"instance": _SOMEWHERE} for body in bodies])
    name = "Or".join(_name(body) for body in bodies)
    reference = _referenced(registry, ResolvedComponent.RESPONSE, name, anywhere)
    return reference if registry[name, ResolvedComponent.RESPONSE].schema == anywhere else here


def _described(registry: ComponentRegistry, answers: list[HttpResponse], bodies: list[Json]) -> Json:
    schemas = [_schema(registry, body) for body in bodies]
    unlike = [each for number, each in enumerate(schemas) if each not in schemas[:number]]
    names = [name for name in _HEADERS if all(name in answer.headers for answer in answers)]
    has_id = "request_id" in bodies[0]
    return {
        "description": "; ".join(dict.fromkeys(body["title"] for body in bodies)) + ".",
        "headers": {name: header(registry, name) for name in [*(["X-Request-ID"] if has_id else []), *names]},
        "content": {
            CONTENT_TYPE: {
                "schema": unlike[0] if len(unlike) == 1 else {"oneOf": unlike},
                "examples": {_name(body): {"value": body} for body in bodies},
            }
        },
    }


def _name(body: Json) -> str:
    return str(body["title"]).title().replace(" ", "")


def _schema(registry: ComponentRegistry, body: Json) -> Json:
    """A reference to the schema of this kind of problem: the problem, with its `type` and the members it has beyond."""
    plain = body["type"] == type_of("")
    properties: Json = {"type": {"const": body["type"]}}
    if "errors" in body:
        reference = _referenced(registry, ResolvedComponent.SCHEMA, "FieldError", _FIELD_ERROR)
        properties["errors"] = {"type": "array", "minItems": 1, "items": reference}
    schema = {
        "allOf": [_referenced(registry, ResolvedComponent.SCHEMA, "Problem", _PROBLEM)],
        "description": "The status says it all." if plain else body["title"] + ".",
        "properties": properties,
        "required": list(properties),
    }
    name = "PlainProblem" if plain else _name(body) + "Problem"
    return _referenced(registry, ResolvedComponent.SCHEMA, name, schema)


def _referenced(registry: ComponentRegistry, kind: str, name: str, definition: Json) -> Json:
    component = ResolvedComponent(name, kind, definition, name)  # type: ignore[no-untyped-call]
    registry.register_on_missing(component)
    reference: Json = component.ref
    return reference
