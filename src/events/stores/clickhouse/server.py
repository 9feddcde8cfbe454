"""Which ClickHouse to talk to, and a small pool of connections to it that are never reused out of step."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from events.stores.clickhouse.connection import DrainingConnection

type Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where ClickHouse is and who we are there. Timeouts in seconds; `send_receive_timeout` is for each silence.

    `standbys` are further addresses of the same store, tried in their order when one cannot be reached.
    """

    host: str
    port: int
    standbys: Sequence[Address] = ()
    user: str
    password: str = field(repr=False)
    secure: bool
    connect_timeout: float
    send_receive_timeout: float
    compression: bool

    def patient(self) -> "Server":
        """The same with time for DDL on a cluster, which waits for every node (180 s by default)."""
        return replace(self, send_receive_timeout=max(self.send_receive_timeout, 240.0))

    def addresses(self) -> list[Address]:
        return [(self.host, self.port), *self.standbys]

    def connection(self, *, database: str) -> DrainingConnection:
        """A connection that will be made on its first query, to the first address that can be reached."""
        return DrainingConnection(
            host=self.host,
            port=self.port,
            alt_hosts=",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.standbys),
            user=self.user,
            password=self.password,
            database=database,
            secure=self.secure,
            client_name="die-hard",
            connect_timeout=self.connect_timeout,
            send_receive_timeout=self.send_receive_timeout,
            sync_request_timeout=self.connect_timeout,
            compression=self.compression,
        )


class Pool:
    """Connections of the running event loop, made when needed, kept while they are sound.

    After any error a connection is cut, for nobody knows what is still on its way through it. An idle one is asked
    for a sign of life before each query (asynch does), and replaced without an error if it gives none.

    Of several addresses the one that served last is tried first, so that one which swallows connections holds up none
    but the first. After an error it is the one behind it: a server may take connections and be of no use, such as a
    replica that is read-only.
    """

    def __init__(self, *, server: Server, database: str, size: int) -> None:
        self._server, self._database, self._size = server, database, size
        self._addresses = deque(server.addresses())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: list[DrainingConnection] = []
        self._turns = asyncio.Semaphore(size)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[DrainingConnection]:
        """A connection to oneself for a while."""
        self._join_running_loop()
        async with self._turns:
            connection = self._idle.pop() if self._idle else self._new()
            try:
                yield connection
            except BaseException:
                self._turn_to((connection.host, connection.port), skip=1)
                await connection.disconnect()
                raise
            self._turn_to((connection.host, connection.port), skip=0)
            self._idle.append(connection)

    def _new(self) -> DrainingConnection:
        (host, port), *standbys = self._addresses
        return replace(self._server, host=host, port=port, standbys=standbys).connection(database=self._database)

    def _turn_to(self, address: Address, *, skip: int) -> None:
        if address in self._addresses:  # it is none before the first query
            self._addresses.rotate(-self._addresses.index(address) - skip)

    async def close(self) -> None:
        """Cut the idle connections; new ones are made when needed."""
        self._join_running_loop()
        while self._idle:
            await self._idle.pop().disconnect()

    def _join_running_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Sockets die with their loop: what another one left behind is of no use here.
            self._loop, self._idle, self._turns = loop, [], asyncio.Semaphore(self._size)
