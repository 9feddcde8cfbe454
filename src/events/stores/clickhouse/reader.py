"""Reads events back from ClickHouse, within bounds: a request waits for it, and deliveries share the server."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

from events.reading import Page, Place, StoredEvent, TooMuchToRead, Wanted
from events.store import StoreUnavailable
from events.stores.clickhouse.codes import TOO_MUCH_TO_READ
from events.stores.clickhouse.connection import DrainingConnection, trace_settings
from events.stores.clickhouse.errors import as_store_errors
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.search import conditions, slices_of
from events.stores.clickhouse.server import Address, Pool, Server
from events.stores.clickhouse.sql import literal, statement

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Ask(Protocol):
    """Asks for the newest rows of those that match."""

    def __call__(
        self, matching: Sequence[str], *, limit: int, most_bytes: int
    ) -> Awaitable[tuple[list[StoredEvent], int]]: ...


class ClickHouseEventReader:
    """The event reader in production, beside the store. One object serves one event loop at a time.

    A page costs `most_seconds` of queries at most, and each of these looks through `most_rows` at most; it is answered
    within `patience` seconds or not at all. It ends behind the event with which its contexts have `page_bytes`.
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
        compression: bool = True,
        pool_size: int = 4,
        patience: float = 10,
        most_seconds: float = 5,
        most_rows: int = 50_000_000,
        page_bytes: int = 1 << 20,
    ) -> None:
        self._server = Server(
            host=host,
            port=port,
            standbys=standbys,
            user=user,
            password=password,
            secure=secure,
            connect_timeout=min(3, patience),
            send_receive_timeout=patience,
            compression=compression,
        )
        self._pool = Pool(server=self._server, database=database, size=pool_size)
        self._layout = Layout(database=database, cluster=cluster)
        self._patience, self._most_seconds, self._page_bytes = patience, most_seconds, page_bytes
        # Nothing but reading, whatever the query; the bounds raise, they do not cut the answer short.
        self._bounds = {
            "readonly": "2", "max_rows_to_read": str(most_rows),
            # On a cluster each shard answers whole, see page.sql.
            "distributed_group_by_no_merge": "1",
        }  # fmt: skip

    async def page(self, wanted: Wanted, *, after: Place | None, limit: int) -> Page:
        """At most so many events that match, each once; fewer if they are very large."""
        with self._errors():
            async with self._answering() as ask:
                return await self._page(ask, wanted, after=after, limit=limit)

    async def event(self, event_id: UUID) -> StoredEvent | None:
        """The event, if the store has it."""
        with self._errors():
            async with self._answering() as ask:
                events, _ = await ask([f"event_id = {literal(str(event_id))}"], limit=1, most_bytes=1)
        return events[0] if events else None

    async def close(self) -> None:
        """Give connections back; the reader can be used again afterwards, by another event loop, too."""
        await self._pool.close()

    async def _page(self, ask: Ask, wanted: Wanted, *, after: Place | None, limit: int) -> Page:
        found: list[StoredEvent] = []
        room, behind = self._page_bytes, after
        left = slices_of(wanted, after=after)
        piece = next(left, None)
        while piece and room > 0 and len(found) <= limit:
            asked = limit + 1 - len(found)
            rows, matched = await ask(conditions(wanted, piece, behind), limit=asked, most_bytes=room)
            for event in rows:
                if event.place != behind:  # copies, which no merge has folded yet, follow each other
                    found.append(event)
                    room, behind = room - len(event.context), event.place
            if len(rows) == matched < asked:
                piece = next(left, None)
        return Page(events=found[:limit], is_last=piece is None and len(found) <= limit)

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[Ask]:
        """A connection, and the time that there is for an answer; what is asked through it has its seconds together."""
        async with asyncio.timeout(self._patience), self._pool.connection() as connection:
            yield partial(self._newest, connection, time.monotonic() + self._most_seconds)

    async def _newest(
        self, connection: DrainingConnection, end: float, matching: Sequence[str], *, limit: int, most_bytes: int
    ) -> tuple[list[StoredEvent], int]:
        """The newest rows of those that match, and how many these would be if they were not too large."""
        query = statement(
            "page",
            conditions=" AND ".join(matching),
            limit=str(limit),
            most_bytes=str(most_bytes),
            **self._layout.values(),
        )
        # 0 would be for ever.
        seconds = {"max_execution_time": f"{max(end - time.monotonic(), 0.001):.3f}"}
        rows = await connection.execute(query, settings={**self._bounds, **seconds, **trace_settings()})
        return [_event(row) for row in rows], rows[0][-1] if rows else 0

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with as_store_errors(appending=False, secret=self._server.password):
                yield
        except StoreUnavailable as error:
            if error.details.get("code") in TOO_MUCH_TO_READ:
                raise TooMuchToRead from error
            raise


def _event(row: Sequence[Any]) -> StoredEvent:
    event_id, event_type, occurred_us, environment, context, version, actor_id, request_id, trace_id, span_id, _ = row
    return StoredEvent(
        event_id=event_id,
        event_type=event_type,
        occurred_at=_EPOCH + occurred_us * _MICROSECOND,
        environment=environment,
        context=context,
        metadata_version=version,
        actor_id=actor_id,
        request_id=request_id,
        trace_id=trace_id,
        span_id=span_id,
    )
