"""The two probes, which are no API views: they are answered before anything asks for the host.

The third address that is answered there, /metrics, speaks Prometheus' language and is no part of the API.
"""

import inspect
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import ComponentRegistry

from core import health, readiness
from core.openapi import components
from core.openapi.components import Json
from core.openapi.problems import as_in_a_request
from core.problem import Problem

_FINE: Json = {check.name: {"status": "ok", "needed": check.needed, "ms": 1.5} for check in readiness.CHECKS}
_WITHOUT_DATABASE: Json = {**_FINE, "database": {"status": "unavailable", "needed": True, "ms": 2000.0}}
_CHECK: Json = {
    "type": "object",
    "description": "One of the checks, and what it said.",
    "required": ["status", "needed", "ms"],
    "properties": {
        "status": {"type": "string", "description": "`ok`, or what is wrong."},
        "needed": {"type": "boolean", "description": "Whether serving needs it."},
        "ms": {"type": "number", "description": "How long it took."},
    },
}
_CHECKS: Json = {"type": "object", "required": list(_FINE), "additionalProperties": _CHECK}


def add_probes(result: Json, generator: SchemaGenerator, **_: Any) -> Json:
    """drf-spectacular's hook: the document with both."""
    for path, probe in (("/livez", health.livez), ("/readyz", health.readyz)):
        operation = _operation(generator.registry, path, probe)
        result["paths"][path] = {"get": operation}
    result["components"] = generator.registry.build({})
    return result


def _operation(registry: ComponentRegistry, path: str, probe: Callable[..., Any]) -> Json:
    is_readyz = probe is health.readyz
    body: Json = {"status": "ok", **({"checks": _FINE} if is_readyz else {})}
    return {
        "operationId": path.strip("/"),
        "summary": (inspect.getdoc(probe) or "").rstrip("."),
        "parameters": [components.request_id(registry)],
        "tags": ["health"],
        "responses": {
            "200": {
                "description": HTTPStatus.OK.phrase,
                "headers": {"X-Request-ID": components.header(registry, "X-Request-ID")},
                "content": {"application/json": {"schema": _schema_of(body), "example": body}},
            },
            **components.problem_responses(registry, _problems(path, is_readyz=is_readyz)),
        },
    }


def _schema_of(body: Json) -> Json:
    known = {"status": {"const": "ok"}, "checks": _CHECKS}
    return {"type": "object", "required": list(body), "properties": {name: known[name] for name in body}}


def _problems(path: str, *, is_readyz: bool) -> list[HttpResponse]:
    with as_in_a_request():
        unready = [health.not_ready(path=path, checks=_WITHOUT_DATABASE)] if is_readyz else []
        return [Problem(HTTPStatus.INTERNAL_SERVER_ERROR, path=path), *unready]
