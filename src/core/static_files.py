"""Static files (the admin's and the documentation's) in production, by WhiteNoise: compressed, hashed, cached for ever.

WhiteNoise's own middleware is synchronous: in front of asynchronous views it would cost every request two changes of
thread. So the server's application asks it directly, before Django and within the access log. In development a handler
in front of both serves them from where they are.
"""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.exceptions import SuspiciousFileOperation
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from whitenoise import WhiteNoise
from whitenoise.responders import Response
from whitenoise.storage import CompressedManifestStaticFilesStorage

from core.access import EXCHANGE
from core.lifespan import Application, Message, Receive, Send

_CHUNK = 64 * 1024


class HashedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """Names with a hash of the content, as soon as `collectstatic` has run; until then the plain ones."""

    def stored_name(self, name: str) -> str:
        return str(super().stored_name(name)) if self.hashed_files else name


def white_noise(application: Any = None) -> WhiteNoise:
    """What `collectstatic` has put into STATIC_ROOT, in front of a WSGI application or on its own."""
    return WhiteNoise(
        application,
        # It warns of a folder that is not there, as in development and in tests.
        root=settings.STATIC_ROOT if Path(settings.STATIC_ROOT).is_dir() else None,
        prefix=settings.STATIC_URL,
        immutable_file_test=r"\.[0-9a-f]{12}\.",
        add_headers_function=_add_headers,
    )


def with_static_files(application: Application) -> Application:
    """The ASGI application, with the static files in front of it; in logs and metrics they are one route."""
    files, route = white_noise().files, f"{settings.STATIC_URL.lstrip('/')}<path:path>"

    async def serving(scope: Message, receive: Receive, send: Send) -> None:
        found = files.get(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await application(scope, receive, send)
        else:
            if EXCHANGE in scope:
                scope[EXCHANGE].route = route
            await _send(found.get_response(scope["method"], _headers(scope)), send)

    return serving


class DevelopmentHandler(ASGIStaticFilesHandler):
    """Django's handler for development, which fails at a path that leads out of its folders: here that is a 404."""

    def serve(self, request: HttpRequest) -> HttpResponse | FileResponse:
        try:
            return super().serve(request)
        except SuspiciousFileOperation as error:
            raise Http404(str(error)) from error


def _add_headers(headers: Headers, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"


def _headers(scope: Message) -> dict[str, str]:
    """The request's headers by the names that WSGI gives them, which WhiteNoise goes by."""
    return {
        f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
        for name, value in scope["headers"]
    }


async def _send(response: Response, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": "http.response.start", "status": HTTPStatus(response.status).value, "headers": headers})
    if response.file is not None:
        with response.file:
            while chunk := await asyncio.to_thread(response.file.read, _CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})
