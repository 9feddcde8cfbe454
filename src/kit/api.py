"""The base of every API view: asynchronous handlers that say what they take, answer and refuse, and their guards.

An `operation` is said once and used twice: the view keeps to it, and the OpenAPI document is made of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, ClassVar

from adrf.views import APIView
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from kit.errors import DomainError

Refusals = Mapping[type[DomainError], HTTPStatus]
Handle = Callable[[], Awaitable[HttpResponseBase]]


class Guard(ABC):
    """Stands around a view's handlers: it may refuse the request, answer it by itself, or look at the outcome.

    `refusals` says which HTTP status each of its own domain errors has; `parameters` are the headers that it looks at,
    as OpenAPI describes them.
    """

    refusals: ClassVar[Refusals] = {}
    parameters: ClassVar[tuple[Mapping[str, Any], ...]] = ()

    @abstractmethod
    async def around(self, request: Request, handle: Handle) -> HttpResponseBase: ...


type Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What a handler takes, answers and refuses: see `operation`."""

    takes: type[Serializer[Any]] | None
    answers: type[Serializer[Any]] | None
    status: HTTPStatus
    location: str | None
    refuses: tuple[type[DomainError], ...] | None


def operation(
    *,
    takes: type[Serializer[Any]] | None = None,
    answers: type[Serializer[Any]] | None = None,
    status: HTTPStatus | None = None,
    location: str | None = None,
    refuses: tuple[type[DomainError], ...] | None = None,
) -> Callable[[Handler], Handler]:
    """Decorate a handler of an AsyncAPIView.

    What it `takes` (the body, or a GET's query) is validated and is the handler's second argument. What the handler
    returns is shown as `answers` says; without that the answer is an empty 204, unless `status` says otherwise.
    `location` names the URL of what was made. `refuses` are those of the view's refusals that the handler can end in:
    all of them, unless it says. The docstring is the documentation: its first line is the summary.
    """
    usual = HTTPStatus.OK if answers else HTTPStatus.NO_CONTENT
    declared = Operation(takes=takes, answers=answers, status=status or usual, location=location, refuses=refuses)

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def door(view: "AsyncAPIView", request: Request, **path: Any) -> HttpResponseBase:
            taken = [await view.taken(takes)] if takes else []
            outcome = await handler(view, request, *taken, **path)
            return outcome if isinstance(outcome, HttpResponseBase) else view.present(outcome)

        door.operation = declared  # type: ignore[attr-defined]  # a function's attribute, read by operation_of
        return door

    return decorate


def operation_of(view: "AsyncAPIView", method: str) -> Operation | None:
    """What the view says of its handler for this method, if it does."""
    handler = getattr(type(view), "get" if method == "HEAD" else method.lower(), None)
    return getattr(handler, "operation", None)


class AsyncAPIView(APIView):  # type: ignore[misc]  # adrf has no types
    """An API view whose handlers are all `async def`.

    `refusals` says which HTTP status each domain error of its use cases has; any other is a fault of ours, a 500.
    `guards` stand around the handlers that change something (`guarded_methods`), the first one outermost.
    """

    refusals: ClassVar[Refusals] = {}
    guards: ClassVar[tuple[Guard, ...]] = ()
    guarded_methods: ClassVar[frozenset[str]] = frozenset({"post", "put", "patch", "delete"})

    def guards_of(self, method: str) -> tuple[Guard, ...]:
        """Those that stand around the handler of this method."""
        return self.guards if method.lower() in self.guarded_methods else ()

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Put the guards around this request's handler."""
        super().setup(request, *args, **kwargs)
        name = (request.method or "").lower()
        if self.guards_of(name) and hasattr(self, name):
            setattr(self, name, partial(self._guarded, getattr(self, name)))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a method that there is not before asking who is there: logging in would not help."""
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        super().initial(request, *args, **kwargs)

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Render at once: Django would go into a thread for it, which takes longer than the JSON."""
        final: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        if not isinstance(final, Response):
            return final
        final.render()
        answer = HttpResponse(final.content, status=final.status_code, headers=final.headers)
        answer.cookies = final.cookies
        answer._resource_closers += final._resource_closers  # type: ignore[attr-defined]  # noqa: SLF001 -- the only way
        if not final.content:
            del answer.headers["Content-Type"]  # HttpResponse makes one up
        return answer

    async def taken(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """What the request brings, as the serializer understands it; raises REST framework's ValidationError."""
        return await sync_to_async(self._validate, thread_sensitive=True)(serializer)

    def present(self, outcome: Any) -> Response:
        """The answer that shows what a use case returned, as the operation says."""
        asked = operation_of(self, self.request.method or "")
        assert asked, f"{type(self).__name__} has no @operation for {self.request.method}"
        headers = {"Location": reverse(asked.location)} if asked.location else {}
        data = asked.answers(outcome, context={"request": self.request}).data if asked.answers else None
        return Response(data, status=asked.status, headers=headers)

    def status_of(self, error: DomainError) -> HTTPStatus | None:
        """The status that this view's table, or that of one of its guards, gives the error."""
        tables = (self.refusals, *(guard.refusals for guard in self.guards))
        return next((table[type(error)] for table in tables if type(error) in table), None)

    def _validate(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        is_query = self.request.method in {"GET", "HEAD"}
        data = self.request.query_params.dict() if is_query else self.request.data
        checked = serializer(data=data, context={"request": self.request})
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
