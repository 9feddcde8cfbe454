"""The base of every API view: asynchronous handlers, validation off the event loop, named refusals."""

from collections.abc import Callable, Mapping
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
        return await sync_to_async(self._validate, thread_sensitive=True)(serializer, lambda: self.request.data)

    async def validated_query(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The address's query as the serializer understands it; raises REST framework's ValidationError."""
        return await sync_to_async(self._validate, thread_sensitive=True)(serializer, self.request.query_params.dict)

    def _validate(self, serializer: type[Serializer[Any]], source: Callable[[], Any]) -> dict[str, Any]:
        checked = serializer(data=source(), context={"request": self.request, "view": self})
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)
