"""Places between pages survive their way through a URL; times are read as RFC 3339 has them and never rounded down."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from event_log.api.fields import MomentField, packed, unpacked
from events.reading import Place

OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2299, 12, 31), timezones=OFFSETS)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_place_comes_back_as_it_was_and_stands_in_a_url_as_it_is(at, event_id):
    place = Place(occurred_at=at, event_id=event_id)
    letters = packed(place)
    assert len(letters) == 32
    assert letters.replace("-", "").replace("_", "").isalnum()
    assert unpacked(letters) == place


@pytest.mark.parametrize("letters", ["f" + "_" * 31, "_" * 8 + "A" * 23, "gAAAAAAAAAAA" + "A" * 20, "A" * 31])
def test_what_is_no_place_is_refused(letters):
    try:
        place = unpacked(letters)
    except (ValueError, OverflowError):
        return
    assert packed(place) == letters


@given(MOMENTS)
def test_a_time_is_read_as_it_was_written(at):
    assert MomentField().to_internal_value(at.isoformat()) == at


@given(MOMENTS)
def test_a_time_is_written_in_utc_to_the_microsecond_and_read_again(at):
    written = MomentField().to_representation(at)
    assert (len(written), written[-1]) == (27, "Z")
    assert MomentField().to_internal_value(written) == at


@pytest.mark.parametrize(
    ("digits", "microseconds"),
    [
        ("1", 100_000),
        ("000001", 1),
        ("0000010", 1),
        ("0000010001", 2),
        ("9999999", 1_000_000),
        ("0" * 30, 0),
    ],
)
def test_what_is_finer_than_a_microsecond_is_rounded_up(digits, microseconds):
    at = MomentField().to_internal_value(f"2026-03-10T00:00:00.{digits}Z")
    assert at == datetime(2026, 3, 10, tzinfo=UTC) + timedelta(microseconds=microseconds)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-03-10", "2026-03-10T00:00:00", "2026-03-10T00:00Z", "20260310T000000Z", "2026-03-10T00:00:00.Z",
        "2026-03-10T24:00:00Z", "2026-03-10T00:00:00+25:00", "2026-03-10T00:00:00,5Z", "٢٠٢٦-03-10T00:00:00Z",
        " 2026-03-10T00:00:00Z", "2026-03-10T00:00:00Z\n", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z",
        "9999-12-31T23:59:59-00:01", None, 5, "2026-03-10 00:00:00Z", f"2026-03-10T00:00:00.{'0' * 31}Z",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValidationError):
        MomentField().to_internal_value(text)


def test_ids_of_any_kind_have_their_place():
    place = Place(occurred_at=datetime(1900, 1, 1, tzinfo=UTC), event_id=UUID(int=2**128 - 1))
    assert unpacked(packed(place)) == place
