"""The wire between the workers and ClickHouse, with snags: it strikes at an exact moment of somebody's INSERT."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

_INSERT = b"INSERT INTO event_log"
_CHUNK = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Moment(Enum):
    """Where an INSERT stands when a snag strikes."""

    STATEMENT = "before the data"
    DATA = "within the data"
    AT_WORK = "while ClickHouse was at it"
    ANSWER = "at the acknowledgement"
    ANSWERED = "after the acknowledgement"


@dataclass(eq=False)
class Snag:
    """Strikes once: does its `deed`, given the worker's port, and then resets the connection if it `cuts`.

    `share` (0 to 1) is how much of the data or of the answer passes before, or how long ClickHouse is at work.
    """

    moment: Moment
    share: float
    cuts: bool
    deed: Callable[[int], None] = lambda _port: None
    struck: threading.Event = field(default_factory=threading.Event)


class Wire:
    """Forwards TCP from a port of its own to ClickHouse's."""

    def __init__(self, *, port: int) -> None:
        self._server_port = port
        self._armed: Snag | None = None
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, snag: Snag) -> None:
        """Let the next INSERT meet the snag."""
        with self._lock:
            self._armed = snag

    def disarm(self) -> None:
        self.take()

    def take(self) -> Snag | None:
        with self._lock:
            snag, self._armed = self._armed, None
        return snag

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._server_port), timeout=3)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                link = _Link(self, client=client, server=server)
                for way, source in ((link.upwards, client), (link.downwards, server)):
                    threading.Thread(target=link.run, args=(way, source), daemon=True).start()


class _Link:
    """One connection; it follows how far the worker's INSERT has come."""

    def __init__(self, wire: Wire, *, client: socket.socket, server: socket.socket) -> None:
        self._wire, self._client, self._server = wire, client, server
        self._port: int = client.getpeername()[1]
        self._stage = "idle"
        self._snag: Snag | None = None

    def run(self, way: Callable[[], None], source: socket.socket) -> None:
        with contextlib.suppress(OSError):
            way()
        for each in (self._client, self._server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()

    def upwards(self) -> None:
        while data := self._client.recv(_CHUNK):
            if _INSERT in data:
                self._stage, self._snag = "asked", self._wire.take()
                self._strike_at(Moment.STATEMENT)
            elif self._stage in {"sampled", "sent"}:
                self._stage = "sent"
                self._send_data(data)
                continue
            self._server.sendall(data)

    def _send_data(self, data: bytes) -> None:
        if self._snag and self._snag.moment is Moment.DATA:
            passes = int(len(data) * self._snag.share)
            self._server.sendall(data[:passes])
            self._strike_at(Moment.DATA)
            data = data[passes:]
        self._server.sendall(data)
        if self._snag and self._snag.moment is Moment.AT_WORK:
            time.sleep(self._snag.share * 0.01)
            self._strike_at(Moment.AT_WORK)

    def downwards(self) -> None:
        while data := self._server.recv(_CHUNK):
            if self._stage == "asked":
                self._stage = "sampled"
            elif self._stage == "sent":
                self._stage = "idle"
                data = self._pass_part_of(data)
            self._client.sendall(data)
            if self._stage == "idle":
                self._strike_at(Moment.ANSWERED)

    def _pass_part_of(self, answer: bytes) -> bytes:
        if self._snag and self._snag.moment is Moment.ANSWER:
            passes = int(len(answer) * self._snag.share)
            self._client.sendall(answer[:passes])
            self._strike_at(Moment.ANSWER)
            return answer[passes:]
        return answer

    def _strike_at(self, moment: Moment) -> None:
        snag = self._snag
        if snag is None or snag.moment is not moment:
            return
        self._snag = None
        snag.deed(self._port)
        if snag.cuts:
            for each in (self._client, self._server):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                # A shutdown alone would be polite; the other thread's recv() keeps the socket open after a close.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RD)
                each.close()
        snag.struck.set()
        if snag.cuts:
            raise ConnectionResetError
