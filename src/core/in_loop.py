"""Django's middleware that computes and asks nobody: it runs in the event loop, where it is called.

Django hops into a thread for each step of its own middleware, eight times for these four, which took a fifth of the
processor time of GET me.
"""

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase
from django.middleware import clickjacking, common, csrf, security

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from django.utils.deprecation import MiddlewareMixin
else:
    MiddlewareMixin = object


_WITHOUT_A_FORM = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class _InLoop(MiddlewareMixin):
    async def __acall__(self, request: HttpRequest) -> Any:
        before, after = (getattr(self, step, None) for step in ("process_request", "process_response"))
        answered_already: HttpResponseBase | None = before(request) if before else None
        response = answered_already or await cast("Awaitable[HttpResponseBase]", self.get_response(request))
        return after(request, response) if after else response


class SecurityMiddleware(_InLoop, security.SecurityMiddleware): ...


class CommonMiddleware(_InLoop, common.CommonMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        answer = super().process_response(request, response)
        if answer.status_code == HTTPStatus.NO_CONTENT:
            del answer.headers["Content-Length"]  # RFC 9110, 8.6: such an answer must not have it
        return answer


class CsrfViewMiddleware(_InLoop, csrf.CsrfViewMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        if self.async_mode:
            # Only a coroutine function is spared the thread.
            setattr(self, "process_view", self._process_view_in_loop)  # noqa: B010 -- mypy takes it for a method

    async def _process_view_in_loop(self, request: HttpRequest, view: Any, *arguments: Any) -> HttpResponseBase | None:
        look = partial(super().process_view, request, view, *arguments)
        if request.method in _WITHOUT_A_FORM or getattr(view, "csrf_exempt", False):
            return look()
        # It parses the form of a stranger, of a megabyte perhaps: others must not wait for that.
        return await sync_to_async(look)()


class XFrameOptionsMiddleware(_InLoop, clickjacking.XFrameOptionsMiddleware): ...
