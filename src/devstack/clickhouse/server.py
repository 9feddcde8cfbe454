"""The listening socket on loopback, a bounded number of client threads, and a quick end."""

import logging
import os
import socket
import threading
import time
from contextlib import suppress
from typing import Final

from devstack.clickhouse.connection import Access, Connection
from devstack.clickhouse.engine import Engine
from devstack.clickhouse.errors import CannotServe, ServerError
from devstack.clickhouse.packets import exception_reply
from devstack.clickhouse.query_ids import QueryIds
from devstack.clickhouse.watcher import Watcher

logger = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
MOST_CONNECTIONS: Final = 256
NO_FREE_CONNECTION: Final = 203
SECONDS_TO_END: Final = 1.5


def listen(port: int) -> socket.socket:
    """A socket on loopback; raises CannotServe if the port is taken."""
    try:
        return socket.create_server((HOST, port), backlog=MOST_CONNECTIONS)
    except OSError as error:
        raise CannotServe(f"cannot listen on {HOST}:{port}: {os.strerror(error.errno or 0)}") from error


class Server:
    """Serves from `start` to `stop`."""

    def __init__(self, listener: socket.socket, *, engine: Engine, access: Access) -> None:
        self._listener = listener
        self._engine = engine
        self._access = access
        self._watcher = Watcher(engine.kill)
        self._query_ids = QueryIds(engine.query_id)
        self._clients: dict[Connection, threading.Thread] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def stop(self) -> bool:
        """Hang up on everybody; says whether all clients' threads have ended in time."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            clients = dict(self._clients)
        for client in clients:
            client.hang_up()
        deadline = time.monotonic() + SECONDS_TO_END
        for thread in clients.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._watcher.stop()
        return not any(thread.is_alive() for thread in clients.values())

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError as error:
                logger.debug("No more clients: %s", error)
                return
            self._admit(client)

    def _admit(self, client: socket.socket) -> None:
        connection = Connection(
            client, engine=self._engine, access=self._access, watcher=self._watcher, query_ids=self._query_ids
        )
        thread = threading.Thread(target=self._serve, args=(connection,), name="client", daemon=True)
        with self._lock:
            if len(self._clients) >= MOST_CONNECTIONS:
                _refuse(client)
                return
            self._clients[connection] = thread
        thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        finally:
            with self._lock:
                del self._clients[connection]


def _refuse(client: socket.socket) -> None:
    logger.warning("A client was refused: there are %d connections already", MOST_CONNECTIONS)
    error = ServerError(NO_FREE_CONNECTION, f"DB::Exception: There are {MOST_CONNECTIONS} connections already")
    with client, suppress(OSError):
        client.settimeout(0.1)
        client.sendall(exception_reply(error))
        client.shutdown(socket.SHUT_WR)
        client.recv(1 << 16)
