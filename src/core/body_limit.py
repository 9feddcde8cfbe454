"""Refuses large request bodies before Django has stored them."""

import json
from http import HTTPStatus
from typing import Any

from core import problem
from core.headers import FOR_PROGRAMS
from core.lifespan import Application, Message, Receive, Send


def with_body_limit(application: Application, *, most_bytes: int) -> Application:
    """The application, which never sees more than so many bytes of a request's body: more is answered with 413."""

    async def limited(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        if _announced(scope) > most_bytes:
            await _refuse(scope, send, most_bytes)
            return
        body = _Body(receive, most_bytes=most_bytes)
        await application(scope, body.receive, send)
        if body.is_too_large:
            await _refuse(scope, send, most_bytes)

    return limited


def _announced(scope: Message) -> int:
    return max((int(value) for name, value in scope["headers"] if name == b"content-length"), default=0)


def refusal(*, path: str, most_bytes: int) -> dict[str, Any]:
    """The problem that a body which is too large is answered with."""
    detail = f"The body is too large: {most_bytes} bytes are allowed."
    return problem.body(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, path=path, detail=detail)


class _Body:
    """Counts what comes in chunks of unknown length.

    Django reads all of a body before it answers, so it is enough to tell it that the client has gone.
    """

    def __init__(self, receive: Receive, *, most_bytes: int) -> None:
        self._receive = receive
        self._left = most_bytes
        self.is_too_large = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left >= 0:
            return message
        self.is_too_large = True
        return {"type": "http.disconnect"}


async def _refuse(scope: Message, send: Send, most_bytes: int) -> None:
    content = json.dumps(refusal(path=scope["path"], most_bytes=most_bytes)).encode()
    headers = [(b"content-type", problem.CONTENT_TYPE.encode()), (b"content-length", b"%d" % len(content))]
    headers += [(name.lower().encode(), value.encode()) for name, value in FOR_PROGRAMS.items()]
    await send({"type": "http.response.start", "status": HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "headers": headers})
    await send({"type": "http.response.body", "body": content})
