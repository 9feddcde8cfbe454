"""The base of every API view: asynchronous handlers, validation off the event loop, named refusals."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from adrf.views import APIView
from asgiref.sync import sync_to_async
from rest_framework.serializers import Serializer

from kit.errors import DomainError


class AsyncAPIView(APIView):  # type: ignore[misc]  # adrf has no types
    """An API view whose handlers are all `async def`.

    `refusals` says which HTTP status each domain error of its use cases has; any other is a fault of ours, a 500.
    """

    refusals: ClassVar[Mapping[type[DomainError], HTTPStatus]] = {}

    async def validated(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The request's body as the serializer understands it; raises REST framework's ParseError, ValidationError."""
        return await sync_to_async(self._validate, thread_sensitive=True)(serializer)

    def _validate(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        checked = serializer(data=self.request.data, context={"request": self.request, "view": self})
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)
