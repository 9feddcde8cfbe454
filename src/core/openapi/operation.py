"""Makes an OpenAPI operation of a handler that was decorated with kit.api.operation."""

import inspect
from http import HTTPStatus
from typing import Any

from django.test import RequestFactory
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiRequest, OpenApiResponse
from rest_framework.fields import CharField, Field
from rest_framework.request import Request

from core.openapi import authentication, components  # noqa: F401 -- the extension registers by being imported
from core.openapi.components import Json
from core.openapi.passwords import new_password
from core.openapi.problems import example_of, problems
from kit.api import AsyncAPIView, Operation, operation_of

_NO_NUL = r"^[^\u0000]*$"
_BLANKS = r"[\s\u001c-\u001f\u0085]*"
_NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"


def asked_for(method: str, path: str, view: AsyncAPIView, _original: object, **_: object) -> Request:
    """The request that a view is looked at with: it may ask for the method before it lets anybody in."""
    view.request = RequestFactory().generic(method, path)
    request: Request = view.initialize_request(view.request)
    return request


class OperationSchema(AutoSchema):
    """All of it comes from the handler's operation and docstring, and the view's permissions and guards."""

    def get_operation_id(self) -> str:
        """By path and what it does, e.g. users_create; a POST that makes nothing is the path's alone: auth_login."""
        by_default: str = super().get_operation_id()
        name, _, does = by_default.rpartition("_")
        match does:
            case "create" if self._asked.status != HTTPStatus.CREATED:
                return name
            case "retrieve" if self._asked.answers and "results" in self._asked.answers().fields:
                return f"{name}_list"
        return by_default

    def get_summary(self) -> str:
        return self._paragraphs[0].replace("\n", " ").rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular's, not REST framework's
        return "\n\n".join(self._paragraphs[1:])

    def get_override_parameters(self) -> list[Any]:
        """What a GET takes, it takes from its query."""
        return [self._asked.takes] if self._asked.takes and self.method == "GET" else []

    def get_auth(self) -> list[Json]:
        """With the permissions that it takes, which OpenAPI has a place for."""
        needed = [each.permission for each in self._api_view.get_permissions() if hasattr(each, "permission")]
        return [dict.fromkeys(scheme, needed) for scheme in super().get_auth()]

    def get_request_serializer(self) -> Any:
        taken = self._asked.takes
        return {kind: OpenApiRequest(taken, examples=_examples(taken)) for kind in self.map_parsers() if taken}

    def get_response_serializers(self) -> Any:
        """The answer when all goes well; the others are added to it below."""
        asked = self._asked
        response = OpenApiResponse(asked.answers, description=asked.status.phrase, examples=_examples(asked.answers))
        return {int(asked.status): response}

    def _get_parameters(self) -> list[Json]:
        of_guards = [dict(each) for guard in self._api_view.guards_of(self.method) for each in guard.parameters]
        return [*super()._get_parameters(), *of_guards, components.request_id(self.registry)]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Json]:
        answers = problems(self._api_view, self._asked, path=self.path, method=self.method)
        good = super()._get_response_bodies(direction)
        return good | components.problem_responses(self.registry, list(answers))

    def _insert_field_validators(self, field: Field[Any, Any, Any, Any], schema: Json) -> None:
        """What text fields refuse beyond their length: NUL and such characters, and nothing but blanks."""
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]
        if not isinstance(field, CharField) or field.read_only or schema.get("type") != "string":
            return
        if schema.get("format") != "email":
            schema.setdefault("pattern", _pattern(field))
        if field.style.get("input_type") == "password":
            schema["format"] = "password"
        if field.style.get("autocomplete") == "new-password":
            schema.update(new_password())

    def _get_response_headers_for_code(self, status_code: str, direction: Any = "response") -> Json:  # noqa: ARG002
        names = ["X-Request-ID", *(["Location"] if self._asked.location else [])]
        return {name: components.header(self.registry, name) for name in names}

    @property
    def _api_view(self) -> AsyncAPIView:
        assert isinstance(self.view, AsyncAPIView), f"{type(self.view).__name__} is no AsyncAPIView"
        return self.view

    @property
    def _asked(self) -> Operation:
        asked = operation_of(self._api_view, self.method)
        assert asked, f"{type(self.view).__name__}.{self.method.lower()} is no @operation"
        return asked

    @property
    def _paragraphs(self) -> list[str]:
        documentation = inspect.getdoc(getattr(self.view, self.method.lower()))
        assert documentation, f"{type(self.view).__name__}.{self.method.lower()} has no docstring"
        return documentation.split("\n\n")


def _pattern(field: CharField) -> str:
    if "without" in field.style:
        # Those around it are taken off with the blanks.
        return rf"^{_BLANKS}[^\u0000{field.style['without']}]*{_BLANKS}$"
    something_must_be_left = field.trim_whitespace and not field.allow_blank
    return _NOT_BLANK if something_must_be_left else _NO_NUL


def _examples(serializer: type[Field[Any, Any, Any, Any]] | None) -> list[OpenApiExample]:
    example = example_of(serializer)
    if serializer is None or example is None:
        return []
    return [OpenApiExample(serializer.__name__.removesuffix("Serializer"), value=example)]
