"""The slices of a span of time are all of it, once, from the newest to the oldest."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.stores.clickhouse.slices import slices

TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC))
NOW = datetime(2026, 3, 10, tzinfo=UTC)


@given(TIMES, TIMES, TIMES)
def test_they_are_all_of_it_and_nothing_twice(since, until, now):
    cut = list(slices(since=since, until=until, now=now))
    if since >= until:
        assert cut == []
        return
    assert (cut[0][1], cut[-1][0]) == (until, since)
    assert all(newer[0] == older[1] for newer, older in pairwise(cut))
    assert all(oldest < newest for oldest, newest in cut)
    assert len(cut) <= 5


@pytest.mark.parametrize(
    ("until", "first"),
    [(NOW, NOW - timedelta(minutes=1)), (NOW + timedelta(days=900), NOW - timedelta(minutes=1)),
     (NOW - timedelta(days=5), NOW - timedelta(days=5, minutes=1))],
)  # fmt: skip
def test_the_first_one_goes_back_a_minute_from_now_or_from_the_end(until, first):
    assert next(iter(slices(since=datetime(1900, 1, 1, tzinfo=UTC), until=until, now=NOW))) == (first, until)


def test_a_short_span_is_one():
    assert len(list(slices(since=NOW - timedelta(seconds=59), until=NOW, now=NOW))) == 1
