"""Cuts a span of time into slices, so that the newest events are found without looking at all that is older."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

# Then comes all the rest: five questions at most, where there is nothing to be found. A minute, because it may have
# millions of events, and because it usually has enough of them.
_LENGTHS: Final = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=45))

type Slice = tuple[datetime, datetime]


def slices(*, since: datetime, until: datetime, now: datetime) -> Iterator[Slice]:
    """The time from `since` to `until` (which is not part of it), the newest slice first, each longer than the last.

    The first one goes back from now, or from `until` if that is past.
    """
    newest, oldest = until, min(until, now)
    for length in _LENGTHS:
        if oldest - since <= length:
            break
        oldest -= length
        yield oldest, newest
        newest = oldest
    if newest > since:
        yield since, newest
