"""A batch as the one block of columns that ClickHouse gets, looked over before anything is sent."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from events.store import Batch, Columns, StoreRefused
from kit.errors import DomainError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What a DateTime64 can hold and toYYYYMM tell apart.
_EARLIEST_US = (datetime(1900, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LATEST_US = (datetime(2300, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) - 1

# Their type in Python, in the order of append.sql.
_TYPES: dict[str, type] = {
    "event_id": str,
    "event_type": str,
    "occurred_us": int,
    "environment": str,
    "context": str,
    "metadata_version": int,
    "actor_id": str,
    "request_id": str,
    "trace_id": str,
    "span_id": str,
}


def block(batch: Batch) -> list[Sequence[object]]:
    """The columns in the order of append.sql. Raises StoreRefused, and BatchSpansMonths."""
    columns = [_column(batch.events, name) for name in _TYPES]
    _demand_one_month(batch)
    return [*columns, [str(batch.batch_id)] * len(batch.events)]


def _column(events: Columns, name: str) -> Sequence[object]:
    values: Sequence[object] = getattr(events, name)
    strangers = set(map(type, values)) - {_TYPES[name]}
    if strangers:
        kinds = ", ".join(sorted(kind.__name__ for kind in strangers))
        raise StoreRefused(reason=f"{name} must be {_TYPES[name].__name__} and holds {kinds}")
    return values


def _demand_one_month(batch: Batch) -> None:
    """One INSERT is atomic in one partition only, and a partition is a month."""
    first, last = min(batch.events.occurred_us), max(batch.events.occurred_us)
    if first < _EARLIEST_US or last > _LATEST_US:
        raise StoreRefused(reason="occurred_us is outside of the years 1900 to 2299")
    if _month(first) != _month(last):
        raise BatchSpansMonths(batch_id=batch.batch_id, first=_month(first), last=_month(last))


def _month(microseconds: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=microseconds):%Y-%m}"


class BatchSpansMonths(DomainError):
    """Batch {batch_id} goes from {first} to {last}, and only a month is kept whole or not at all: seal by month."""
