"""One client, from its Hello to its last packet, in a thread of its own."""

import hmac
import logging
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from devstack.clickhouse.answering import Answer, Client
from devstack.clickhouse.engine import Engine, EngineSession
from devstack.clickhouse.errors import ClientGone, ProtocolViolation, ServerError
from devstack.clickhouse.incoming import Incoming
from devstack.clickhouse.packets import (
    CLIENT_CANCEL,
    CLIENT_PING,
    CLIENT_QUERY,
    CLIENT_TABLES_STATUS,
    PONG,
    Hello,
    exception_reply,
    hello_reply,
    read_hello,
    read_query,
    read_table_names,
    tables_status_reply,
)
from devstack.clickhouse.query_ids import QueryIds
from devstack.clickhouse.session_settings import SessionSettings
from devstack.clickhouse.watcher import Watcher
from devstack.clickhouse.wire import RECEIVE_BYTES, SocketSource

logger = logging.getLogger(__name__)

AUTHENTICATION_FAILED: Final = 516
LARGEST_HELLO: Final = 1 << 16
LARGEST_PACKET: Final = 1 << 30
SECONDS_TO_SAY_HELLO: Final = 30
SECONDS_TO_TAKE_AN_ANSWER: Final = 300
SECONDS_TO_PART: Final = 1


@dataclass(frozen=True, slots=True)
class Access:
    """The one account; `database` is where a client begins that names none."""

    user: str
    password: str
    database: str

    def check(self, hello: Hello) -> None:
        user = hmac.compare_digest(hello.user.encode("utf-8", "replace"), self.user.encode())
        password = hmac.compare_digest(hello.password.encode("utf-8", "replace"), self.password.encode())
        if not (user and password):
            reason = "Authentication failed: password is incorrect, or there is no user with such name"
            raise ServerError(AUTHENTICATION_FAILED, f"DB::Exception: {hello.user[:100]}: {reason}.")


class Connection:
    """Call `serve` in a thread of its own: the engine knows a running query by its thread."""

    def __init__(
        self, client: socket.socket, *, engine: Engine, access: Access, watcher: Watcher, query_ids: QueryIds
    ) -> None:
        self._query_ids = query_ids
        self._client = client
        self._engine = engine
        self._access = access
        self._watcher = watcher
        self._source = SocketSource(client, limit=LARGEST_HELLO)

    def serve(self) -> None:
        """Serve the client until it leaves, or says something that cannot be followed."""
        try:
            with self._client:
                self._serve()
        except ClientGone as gone:
            logger.debug("A client left: %s", gone)
        except Exception:
            logger.exception("A connection broke")

    def hang_up(self) -> None:
        """End the conversation from another thread."""
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        try:
            hello, session = self._greet()
        except ServerError as error:
            self._part(error)
            return
        try:
            self._converse(session, hello)
        except ProtocolViolation as error:
            self._part(error)
        finally:
            session.close()

    def _greet(self) -> tuple[Hello, EngineSession]:
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.settimeout(SECONDS_TO_SAY_HELLO)
        hello = read_hello(self._source)
        self._access.check(hello)
        session = self._engine.session(hello.database or self._access.database)
        self._client.settimeout(None)
        patience = struct.pack("@ll", SECONDS_TO_TAKE_AN_ANSWER, 0)
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        self._source.limit = LARGEST_PACKET
        return hello, session

    def _converse(self, session: EngineSession, hello: Hello) -> None:
        settings = SessionSettings(session, known=self._engine.settings)
        client = Client(
            session=session,
            settings=settings,
            folder=self._engine.folder,
            send=self._send,
            watching=partial(self._watcher.watching, self._client),
            query_ids=self._query_ids,
        )
        self._send(hello_reply(version=self._engine.version, time_zone=self._engine.time_zone))
        while True:
            self._source.begin()
            packet = self._source.varint()
            if packet == CLIENT_QUERY:
                self._query(client, hello)
            elif packet == CLIENT_PING:
                self._send(PONG)
            elif packet == CLIENT_TABLES_STATUS:
                self._send(tables_status_reply(read_table_names(self._source)))
            elif packet != CLIENT_CANCEL:  # a Cancel between queries came too late: there is nothing to do
                raise ProtocolViolation(f"Packet {packet} is not one to begin with")

    def _query(self, client: Client, hello: Hello) -> None:
        query = read_query(self._source, revision=hello.revision)
        incoming = Incoming(self._source, compressed=query.compressed)
        try:
            Answer(client, query, incoming).give()
        except ProtocolViolation:
            raise
        except ServerError as error:
            self._send(exception_reply(error))

    def _send(self, packet: bytes) -> None:
        try:
            self._client.sendall(packet)
        except OSError as error:
            raise ClientGone(str(error)) from error

    def _part(self, error: ServerError) -> None:
        """Say why, and read on for a moment: closing a socket with unread bytes would take the reason away again."""
        logger.warning("A client was sent away: %s", error.message)
        with suppress(OSError):
            self._client.settimeout(SECONDS_TO_PART)
            self._client.sendall(exception_reply(error))
            self._client.shutdown(socket.SHUT_WR)
            while self._client.recv(RECEIVE_BYTES):
                pass
