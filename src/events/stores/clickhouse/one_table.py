"""Several addresses must lead to one event_log: of two, each would take every batch that the other has already."""

from contextlib import suppress
from dataclasses import replace

from events.store import StoreMisconfigured, StoreUnavailable
from events.stores.clickhouse.connection import DrainingConnection
from events.stores.clickhouse.errors import as_store_errors
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.server import Address, Server
from events.stores.clickhouse.sql import statement


class OneTable:
    """The event_log behind a server's addresses, told from any other by its UUID.

    On a cluster they are different servers and different tables, which replicate each other: there it demands nothing.
    """

    def __init__(self, *, server: Server, layout: Layout) -> None:
        self._server, self._layout = server, layout
        self._may_differ = bool(server.standbys) and not layout.cluster
        # The table that got the last batch.
        self._appended_to = ""

    async def demand_at_all_addresses(self) -> None:
        """Pass if all addresses that answer lead to the same table."""
        if not self._may_differ:
            return
        found: dict[str, str] = {}
        for host, port in self._server.addresses():
            with suppress(StoreUnavailable):
                for identity in await self._found_at((host, port)):
                    found.setdefault(identity, f"{host}:{port}")
        if len(found) > 1:
            raise StoreMisconfigured(
                reason=f"{' and '.join(found.values())} have event_logs of their own, so that what one has taken the "
                "other would take again: name addresses of one server, or set CLICKHOUSE_CLUSTER"
            )

    async def demand_same(self, connection: DrainingConnection) -> None:
        """Pass if this connection leads to the table that got the last batch, also when it was made anew in silence.

        Two stores that are never up at the same time cannot be compared with each other, only with what was before.
        """
        if not self._may_differ:
            return
        for identity in await self._found_by(connection):
            if self._appended_to not in {"", identity}:
                raise StoreMisconfigured(
                    reason=f"{connection.host}:{connection.port} has another event_log than the one that got the last "
                    "batch, and would take again what that one has: name addresses of one server, or set "
                    "CLICKHOUSE_CLUSTER (if it was restored meanwhile, restart the workers)"
                )
            self._appended_to = identity

    async def _found_at(self, address: Address) -> list[str]:
        host, port = address
        with as_store_errors(appending=False, secret=self._server.password):
            connection = replace(self._server, host=host, port=port, standbys=()).connection(database="")
            try:
                return await self._found_by(connection)
            finally:
                await connection.disconnect()

    async def _found_by(self, connection: DrainingConnection) -> list[str]:
        return [identity for (identity,) in await connection.execute(statement("identity", **self._layout.values()))]
