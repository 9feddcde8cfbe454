"""Headers that tell browsers what not to do with our answers. What a view has set itself is left as it is."""

from collections.abc import Mapping
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

_PAGES = ("/admin/", "/api/docs/")
_NO_POWERS = ", ".join(
    f"{power}=()" for power in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
)
_ALL = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": _NO_POWERS,
    "Cross-Origin-Resource-Policy": "same-origin",
}
# The admin's scripts and styles are files of ours, and none is written into a page.
FOR_PAGES: Mapping[str, str] = {
    **_ALL,
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
}
# An answer for programs: opened in a browser, it may do nothing; and nobody may keep it, since it is about a person.
FOR_PROGRAMS: Mapping[str, str] = {
    **_ALL,
    "Content-Security-Policy": "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


@sync_and_async_middleware
def secure_headers(get_response: Any) -> Any:
    """Middleware: add what is missing of these headers."""

    async def within_asgi(request: HttpRequest) -> HttpResponseBase:
        return _secured(request, await get_response(request))

    def within_wsgi(request: HttpRequest) -> HttpResponseBase:
        return _secured(request, get_response(request))

    return within_asgi if iscoroutinefunction(get_response) else within_wsgi


def _secured(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    for name, value in (FOR_PAGES if request.path.startswith(_PAGES) else FOR_PROGRAMS).items():
        response.headers.setdefault(name, value)
    return response
