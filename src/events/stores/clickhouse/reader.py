"""Reads events back from ClickHouse, within bounds: a request waits for it, and deliveries share the server."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from events.reading import Page, Place, StoredEvent, TooMuchToRead, Wanted
from events.store import StoreUnavailable
from events.stores.clickhouse.codes import TOO_MUCH_TO_READ
from events.stores.clickhouse.connection import trace_settings
from events.stores.clickhouse.errors import as_store_errors
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.server import Address, Pool, Server
from events.stores.clickhouse.slices import Slice, slices
from events.stores.clickhouse.sql import literal, moment, statement

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What a DateTime64 can hold, see `block`.
_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_BEHIND_LAST: Final = datetime(2300, 1, 1, tzinfo=UTC)


class ClickHouseEventReader:
    """The event reader in production, beside the store. One object serves one event loop at a time.

    A page costs `most_seconds` of a query and `most_rows` looked through at most, and is answered within `patience`
    seconds or not at all. It ends behind the event with which its contexts have `page_bytes`.
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
        most_seconds: int = 5,
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
        self._patience, self._page_bytes = patience, page_bytes
        # Nothing but reading, whatever the query; the bounds raise, they do not cut the answer short.
        self._bounds = {
            "readonly": "2", "max_execution_time": str(most_seconds), "max_rows_to_read": str(most_rows),
        }  # fmt: skip

    async def page(self, wanted: Wanted, *, after: Place | None, limit: int) -> Page:
        """At most so many events that match, each once; fewer if they are very large."""
        with self._errors():
            async with asyncio.timeout(self._patience):
                return await self._page(wanted, after=after, limit=limit)

    async def event(self, event_id: UUID) -> StoredEvent | None:
        """The event, if the store has it."""
        with self._errors():
            async with asyncio.timeout(self._patience):
                events, _ = await self._newest([f"event_id = {literal(str(event_id))}"], limit=1, most_bytes=1)
        return events[0] if events else None

    async def close(self) -> None:
        """Give connections back; the reader can be used again afterwards, by another event loop, too."""
        await self._pool.close()

    async def _page(self, wanted: Wanted, *, after: Place | None, limit: int) -> Page:
        found: list[StoredEvent] = []
        room, behind = self._page_bytes, after
        left = _slices_of(wanted, after=after)
        piece = next(left, None)
        while piece and room > 0 and len(found) <= limit:
            asked = limit + 1 - len(found)
            rows, matched = await self._newest(_conditions(wanted, piece, behind), limit=asked, most_bytes=room)
            for event in rows:
                if event.place != behind:  # copies, which no merge has folded yet, follow each other
                    found.append(event)
                    room, behind = room - len(event.context), event.place
            if len(rows) == matched < asked:
                piece = next(left, None)
        return Page(events=found[:limit], is_last=piece is None and len(found) <= limit)

    async def _newest(self, conditions: Sequence[str], *, limit: int, most_bytes: int) -> tuple[list[StoredEvent], int]:
        """The newest rows of those that match, and how many these would be if they were not too large."""
        query = statement(
            "page",
            conditions=" AND ".join(conditions),
            limit=str(limit),
            most_bytes=str(most_bytes),
            **self._layout.values(),
        )
        async with self._pool.connection() as connection:
            rows = await connection.execute(query, settings={**self._bounds, **trace_settings()})
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


def _slices_of(wanted: Wanted, *, after: Place | None) -> Iterator[Slice]:
    since = max(wanted.since or _FIRST, _FIRST)
    until = min(wanted.until or _BEHIND_LAST, _BEHIND_LAST)
    if after is not None:
        until = min(until, after.occurred_at + _MICROSECOND)
    if wanted.trace_id or wanted.request_id:  # these have few events: all of the time would be looked through anyway
        return iter([(since, until)] if since < until else [])
    return slices(since=since, until=until, now=datetime.now(UTC))


def _conditions(wanted: Wanted, piece: Slice, behind: Place | None) -> list[str]:
    oldest, newest = piece
    conditions = [f"event_date_time >= {moment(oldest)}", f"event_date_time < {moment(newest)}"]
    if behind is not None:
        at, event_id = moment(behind.occurred_at), literal(str(behind.event_id))
        conditions.append(f"(event_date_time < {at} OR event_date_time = {at} AND event_id < toUUID({event_id}))")
    if wanted.event_types:
        conditions.append(f"event_type IN ({', '.join(map(literal, wanted.event_types))})")
    texts = {column: getattr(wanted, column) for column in ("environment", "actor_id", "request_id", "trace_id")}
    return conditions + [f"{column} = {literal(text)}" for column, text in texts.items() if text]


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
