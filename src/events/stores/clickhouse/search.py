"""What is looked for, as SQL: which slices of time one after the other, and what must be true of a row."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from events.reading import Place, Wanted
from events.stores.clickhouse.slices import Slice, slices
from events.stores.clickhouse.sql import literal, moment

_MICROSECOND: Final = timedelta(microseconds=1)
# What a DateTime64 can hold, see `block`.
_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_BEHIND_LAST: Final = datetime(2300, 1, 1, tzinfo=UTC)


def slices_of(wanted: Wanted, *, after: Place | None) -> Iterator[Slice]:
    """The slices in which events may be that are wanted and behind this place, the newest first."""
    since = max(wanted.since or _FIRST, _FIRST)
    until = min(wanted.until or _BEHIND_LAST, _BEHIND_LAST)
    if after is not None:
        until = min(until, after.occurred_at + _MICROSECOND)
    if wanted.trace_id or wanted.request_id:  # these have few events: all of the time would be looked through anyway
        return iter([(since, until)] if since < until else [])
    return slices(since=since, until=until, now=datetime.now(UTC))


def conditions(wanted: Wanted, piece: Slice, behind: Place | None) -> list[str]:
    """What must be true of an event that is wanted, in this slice and behind this place."""
    oldest, newest = piece
    found = [f"event_date_time >= {moment(oldest)}", f"event_date_time < {moment(newest)}"]
    if behind is not None:
        at, event_id = moment(behind.occurred_at), literal(str(behind.event_id))
        found.append(f"(event_date_time < {at} OR event_date_time = {at} AND event_id < toUUID({event_id}))")
    if wanted.event_types:
        found.append(f"event_type IN ({', '.join(map(literal, wanted.event_types))})")
    texts = {column: getattr(wanted, column) for column in ("environment", "actor_id", "request_id", "trace_id")}
    return found + [f"{column} = {literal(text)}" for column, text in texts.items() if text]
