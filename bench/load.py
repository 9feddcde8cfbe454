"""So many clients that each send a request over one connection, again as soon as it is answered, for some seconds."""

import asyncio
import json
import time
from dataclasses import dataclass
from uuid import uuid4

UNIQUE = "{unique}"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is sent, and the status that it must be answered with. UNIQUE in a body is another text each time."""

    method: str
    path: str
    status: int
    token: str = ""
    body: object = None

    def encoded(self) -> bytes:
        body = b"" if self.body is None else json.dumps(self.body).encode()
        length = len(body.replace(UNIQUE.encode(), uuid4().hex.encode()))
        head = [
            f"{self.method} {self.path} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
            f"Content-Length: {length}", *([f"Authorization: Bearer {self.token}"] if self.token else []),
        ]  # fmt: skip
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def send(request: Request, *, port: int, connections: int, seconds: float) -> tuple[float, list[float]]:
    """Requests a second, and the wait of each in milliseconds."""
    return asyncio.run(_send(request, port=port, connections=connections, seconds=seconds))


async def _send(request: Request, *, port: int, connections: int, seconds: float) -> tuple[float, list[float]]:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    clients = [_Client(request, until=started + seconds, done=loop.create_future()) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
    await asyncio.gather(*(client.done for client in clients))
    waits = [wait for client in clients for wait in client.waits]
    return len(waits) / (time.perf_counter() - started), waits


class _Client(asyncio.Protocol):
    """No more than is needed to know that an answer is complete: the machine's other core has the server."""

    def __init__(self, request: Request, *, until: float, done: asyncio.Future[None]) -> None:
        self.waits: list[float] = []
        self.done = done
        self._encoded, self._until = request.encoded(), until
        self._expected = f"HTTP/1.1 {request.status} ".encode()
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._is_complete():
            return
        now = time.perf_counter()
        self.waits.append((now - self._asked_at) * 1000)
        if not self._answer.startswith(self._expected):
            self.done.set_exception(AssertionError(self._answer.decode(errors="replace")))
            self._transport.close()
        elif now >= self._until:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server has hung up"))

    def _ask(self) -> None:
        self._answer = b""
        self._asked_at = time.perf_counter()
        self._transport.write(self._encoded.replace(UNIQUE.encode(), uuid4().hex.encode()))

    def _is_complete(self) -> bool:
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end:
            return False
        _, found, length = head.lower().partition(b"content-length: ")
        return len(body) >= int(length.split(b"\r\n")[0]) if found else body.endswith(b"0\r\n\r\n")
