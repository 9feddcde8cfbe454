"""Events in ClickHouse, each once: one columnar INSERT a batch, under its token, read back by batch."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import batched
from math import ceil
from typing import Any
from uuid import UUID

from events.store import Batch, Digest, StoreRefused, StoreUnavailable
from events.stores.clickhouse import migrator, replicas, soundness
from events.stores.clickhouse.block import block
from events.stores.clickhouse.connection import DrainingConnection, trace_settings
from events.stores.clickhouse.errors import as_store_errors
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.one_table import OneTable
from events.stores.clickhouse.server import Address, Pool, Server
from events.stores.clickhouse.sql import literal, moment, statement

# Few enough for the parser, and for the memory that counting the distinct events of as many batches takes.
_BATCHES_A_QUERY = 200


class ClickHouseEventStore:
    """The event store in production. One object serves one event loop at a time; the constructor does no I/O.

    `standbys` are other addresses of the same store, a host and a port each, for when that one is away. Timeouts are in
    seconds. `retention_days` is applied by `migrate`; 0 leaves the table as it is, which is made to
    keep events for ever.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int = 9000,
        standbys: Sequence[Address] = (),
        user: str = "default",
        password: str = "",
        database: str = "default",
        secure: bool = False,
        cluster: str = "",
        connect_timeout: float = 3,
        send_receive_timeout: float = 30,
        compression: bool = True,
        pool_size: int = 4,
        retention_days: int = 0,
    ) -> None:
        self._server = Server(
            host=host,
            port=port,
            standbys=standbys,
            user=user,
            password=password,
            secure=secure,
            connect_timeout=connect_timeout,
            send_receive_timeout=send_receive_timeout,
            compression=compression,
        )
        self._pool = Pool(server=self._server, database=database, size=pool_size)
        self._layout = Layout(database=database, cluster=cluster)
        self._table = OneTable(server=self._server, layout=self._layout)
        self._retention_days = retention_days
        self._found_sound = False

    async def append(self, batch: Batch) -> None:
        """Keep the batch, whole or not at all; a repeat is known by its token.

        Raises StoreUnavailable, StoreMisconfigured (also when the tables are not as they must be, which is looked at
        before the first append and after a refusal), StoreRefused, and BatchSpansMonths.
        """
        if not batch.events:
            return
        columns = block(batch)
        if not self._found_sound:
            await self._table.demand_at_all_addresses()
            await self.check()
        try:
            with self._errors(appending=True):
                async with self._pool.connection() as connection:
                    await self._table.demand_same(connection)
                    await connection.execute(
                        statement("append"), columns, settings=self._append_settings(batch), columnar=True
                    )
        except StoreUnavailable:
            self._found_sound = False  # it may be mended, or be another server's turn, before the next attempt
            raise
        except StoreRefused:
            # A column that somebody changed refuses every event: then it is the table that is at fault, not the data.
            await self.check()
            raise

    async def stored(self, batch_id: UUID) -> Mapping[str, Sequence[int]]:
        """What the store has of this batch: by event id, the fingerprint of each copy."""
        found: dict[str, list[int]] = {}
        answers = await self._read("stored", columns="event_id, fingerprint", batch_id=literal(str(batch_id)))
        for event_id, fingerprint in replicas.copies(answers):
            found.setdefault(str(event_id), []).append(fingerprint)
        return found

    async def digests(self, batch_ids: Collection[UUID]) -> Mapping[UUID, Digest]:
        """The digest of each of these batches of which the store has anything."""
        found: dict[UUID, Digest] = {}
        for some in batched(dict.fromkeys(batch_ids), _BATCHES_A_QUERY):
            listed = ", ".join(literal(str(batch_id)) for batch_id in some)
            columns = "batch_id, row_count, event_count, checksum"
            found |= replicas.digests(await self._read("digests", columns=columns, batch_ids=listed))
        return found

    async def batches(self, *, since: datetime, after: UUID, limit: int) -> Sequence[UUID]:
        """A page of the batches of which it got anything since then, by their ids."""
        asked = {"since": moment(since), "after": literal(str(after)), "limit": str(limit)}
        return replicas.page(await self._read("batches", columns="batch_id", **asked), limit=limit)

    async def batches_between(self, *, oldest: datetime, newest: datetime, after: UUID, limit: int) -> Sequence[UUID]:
        """A page of the batches with an event from this span of time, by their ids."""
        span = {"oldest": moment(oldest), "newest": moment(newest)}
        asked = {**span, "after": literal(str(after)), "limit": str(limit)}
        return replicas.page(await self._read("batches_between", columns="batch_id", **asked), limit=limit)

    async def check(self) -> None:
        """Pass if the tables are as they must be; raises StoreMisconfigured, which says how to mend them."""
        self._found_sound = False
        with self._errors(appending=False):
            async with self._pool.connection() as connection:
                await soundness.check(connection, layout=self._layout)
        self._found_sound = True

    async def migrate(self) -> list[str]:
        """Create or update the tables; the names of the migrations that were applied now."""
        async with self._administration() as connection:
            return await migrator.migrate(connection, layout=self._layout, retention_days=self._retention_days)

    async def plan(self) -> list[str]:
        """The names of the migrations that `migrate` would apply."""
        async with self._administration() as connection:
            return await migrator.plan(connection, layout=self._layout)

    async def close(self) -> None:
        """Give connections back; the store can be used again afterwards, by another event loop, too."""
        await self._pool.close()

    async def _read(self, name: str, *, columns: str, **asked: str) -> replicas.Answers:
        query = statement(name, fingerprint=statement("fingerprint"), **asked, **self._layout.values())
        settings = {"max_execution_time": self._patience(), **trace_settings()}
        with self._errors(appending=False):
            async with self._pool.connection() as connection:
                return await replicas.answers(
                    connection, query, columns=columns, layout=self._layout, settings=settings
                )

    @asynccontextmanager
    async def _administration(self) -> AsyncIterator[DrainingConnection]:
        """A connection of its own, into no database, because ours may not exist yet."""
        with self._errors(appending=False):
            connection = self._server.patient().connection(database="")
            try:
                yield connection
            finally:
                await connection.disconnect()

    def _errors(self, *, appending: bool) -> Any:
        return as_store_errors(appending=appending, secret=self._server.password)

    def _patience(self) -> str:
        """The server gives up when we do, so that nothing lands behind our back."""
        return str(ceil(self._server.send_receive_timeout))

    def _append_settings(self, batch: Batch) -> dict[str, str]:
        settings = {
            "insert_deduplication_token": batch.token,
            # The first is for servers before 26.2, the second for those since; unknown ones are passed over.
            "insert_deduplicate": "1",
            "deduplicate_insert": "enable",
            "deduplicate_blocks_in_dependent_materialized_views": "1",
            "async_insert": "0",
            "max_execution_time": self._patience(),
            # One block in the engine, too: atomic only then.
            "max_insert_block_size": str(len(batch.events)),
            **trace_settings(),
        }
        if self._layout.cluster:
            # Answer when the shard has it and most replicas do, not when it is queued.
            settings |= {
                "distributed_foreground_insert": "1",
                "insert_quorum": "auto",
                "insert_quorum_timeout": f"{self._patience()}000",
            }
        return settings
