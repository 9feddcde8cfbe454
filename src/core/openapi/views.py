"""The document and the page that shows it."""

from functools import cache
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from core.openapi.operation import OperationSchema
from kit.api import AsyncAPIView, operation

_RENDERERS: dict[str, type[BaseRenderer]] = {"json": OpenApiJsonRenderer2, "yaml": OpenApiYamlRenderer2}


@cache
def document(file_format: str) -> bytes:
    """The OpenAPI document. Making it takes a moment, and it is the same for everybody until the next release."""
    made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered = _RENDERERS[file_format]().render(made, renderer_context={})
    return rendered if isinstance(rendered, bytes) else rendered.encode()


class FormatSerializer(serializers.Serializer[Any]):
    format = serializers.ChoiceField(choices=list(_RENDERERS), required=False, help_text="It wins over `Accept`.")


class ByQueryOrAccept(DefaultContentNegotiation):
    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        wanted = request.query_params.get("format")
        return super().select_renderer(request, renderers, format_suffix or (wanted if wanted in _RENDERERS else None))


class DocumentSchema(OperationSchema):
    def get_response_serializers(self) -> Any:
        return {200: OpenApiResponse(OpenApiTypes.OBJECT, description="An OpenAPI 3.1 document.")}


class SchemaView(AsyncAPIView):
    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = []
    permission_classes: ClassVar[list[type[BasePermission]]] = []
    renderer_classes: ClassVar[list[type[BaseRenderer]]] = list(_RENDERERS.values())
    content_negotiation_class = ByQueryOrAccept
    schema = DocumentSchema()

    @operation(takes=FormatSerializer)
    async def get(self, request: Request, _taken: dict[str, Any]) -> HttpResponse:
        """Read this document, as JSON or YAML."""
        content = await sync_to_async(document)(request.accepted_renderer.format)
        return HttpResponse(content, content_type=request.accepted_renderer.media_type)


@require_safe
async def docs(request: HttpRequest) -> HttpResponse:
    """A page to read the document with and to try the API; it loads nothing from elsewhere."""
    return render(request, "core/docs.html")
