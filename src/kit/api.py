"""The base of every API view: asynchronous handlers, validation off the event loop, guards, named refusals."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from adrf.views import APIView
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from kit.errors import DomainError

Refusals = Mapping[type[DomainError], HTTPStatus]
Handle = Callable[[], Awaitable[HttpResponseBase]]


class Guard(ABC):
    """Stands around a view's handlers: it may refuse the request, answer it by itself, or look at the outcome.

    `refusals` says which HTTP status each of its own domain errors has.
    """

    refusals: ClassVar[Refusals] = {}

    @abstractmethod
    async def around(self, request: Request, handle: Handle) -> HttpResponseBase: ...


class AsyncAPIView(APIView):  # type: ignore[misc]  # adrf has no types
    """An API view whose handlers are all `async def`.

    `refusals` says which HTTP status each domain error of its use cases has; any other is a fault of ours, a 500.
    `guards` stand around the handlers that change something (`guarded_methods`), the first one outermost.
    """

    refusals: ClassVar[Refusals] = {}
    guards: ClassVar[tuple[Guard, ...]] = ()
    guarded_methods: ClassVar[frozenset[str]] = frozenset({"post", "put", "patch", "delete"})

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Put the guards around this request's handler."""
        super().setup(request, *args, **kwargs)
        name = (request.method or "").lower()
        if self.guards and name in self.guarded_methods and hasattr(self, name):
            setattr(self, name, partial(self._guarded, getattr(self, name)))

    async def validated(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The request's body as the serializer understands it; raises REST framework's ParseError, ValidationError."""
        return await sync_to_async(self._validate, thread_sensitive=True)(serializer, lambda: self.request.data)

    async def validated_query(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The address's query as the serializer understands it; raises REST framework's ValidationError."""
        return await sync_to_async(self._validate, thread_sensitive=True)(serializer, self.request.query_params.dict)

    def status_of(self, error: DomainError) -> HTTPStatus | None:
        """The status that this view's table, or that of one of its guards, gives the error."""
        tables = (self.refusals, *(guard.refusals for guard in self.guards))
        return next((table[type(error)] for table in tables if type(error) in table), None)

    def _validate(self, serializer: type[Serializer[Any]], source: Callable[[], Any]) -> dict[str, Any]:
        checked = serializer(data=source(), context={"request": self.request, "view": self})
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)

    async def _guarded(
        self, handler: Callable[..., Awaitable[HttpResponseBase]], request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        _ = request.body  # read whole, so that guards and the parser can all have it
        handle: Handle = partial(handler, request, *args, **kwargs)
        for guard in reversed(self.guards):
            handle = partial(guard.around, request, handle)
        return await handle()
