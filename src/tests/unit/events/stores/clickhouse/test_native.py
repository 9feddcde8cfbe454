"""What we write is what asynch, which writes value by value, reads back."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from asynch.proto.columns import read_column
from asynch.proto.streams.buffered import BufferedReader
from hypothesis import given
from hypothesis import strategies as st

from events.store import StoreMisconfigured, StoreRefused
from events.stores.clickhouse import native
from events.stores.clickhouse.layout import COLUMNS

CONTEXT = SimpleNamespace(
    client_settings={"strings_as_bytes": False}, server_info=SimpleNamespace(get_timezone=lambda: "UTC"), settings={}
)
TEXTS = st.text(st.characters(codec="utf-8"))


def read_back(kind: str, values: list[Any]) -> list[Any]:
    async def read() -> Any:
        stream = asyncio.StreamReader()
        stream.feed_data(native.column(kind, values))
        stream.feed_eof()
        column = await read_column(BufferedReader(stream), None, CONTEXT, kind, len(values))
        assert await stream.read() == b""
        return column

    return list(asyncio.run(read()))


@given(st.lists(TEXTS, min_size=1, max_size=30))
@pytest.mark.parametrize("kind", ["String", "LowCardinality(String)"])
def test_any_text_is_read_back(kind, values):
    assert read_back(kind, values) == values


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_a_text_of_any_length_is_read_back(size):
    assert read_back("String", ["x" * size, "next"]) == ["x" * size, "next"]


@pytest.mark.parametrize("distinct", [1, 255, 256, 257, 65_536, 65_537])
def test_a_dictionary_of_any_width_is_read_back(distinct):
    values = [str(number) for number in range(distinct)] * 2
    assert read_back("LowCardinality(String)", values) == values


@given(st.lists(st.uuids(), max_size=30))
def test_any_uuid_is_read_back(values: list[UUID]):
    assert read_back("UUID", [str(value) for value in values]) == values


@pytest.mark.parametrize("text", ["1", "", "-" * 36, "g" * 36, f"{UUID(int=1)}0", f"{UUID(int=1)}\0", UUID(int=1).hex])
def test_what_is_no_uuid_is_refused_whatever_stands_beside_it(text):
    with pytest.raises(StoreRefused, match="UUID"):
        native.column("UUID", [text, str(UUID(int=2))])


@pytest.mark.parametrize(
    "text",
    [
        "01A20A47-3804-7580-ABDC-B13FA58716E5",
        "01a20a47 3804 7580 abdc b13fa58716e5",  # hexadecimal with blanks is read over them
        "01a2-0a4738-047580-abdc-b13fa58716e5",
        "-01a20a473804-7580-abdc-b13fa58716e5",
        "01a20a47-3804-7580-abdcb13fa58716e5-",
        "01a20a47-3804-7580-abdc-b13fa58716\n5",
    ],
)
def test_another_form_of_a_uuid_is_refused_because_it_would_come_back_as_another_text(text):
    with pytest.raises(StoreRefused, match="UUID"):
        native.column("UUID", [str(UUID(int=2)), text])


@given(st.lists(st.integers(0, 65_535), max_size=30))
def test_any_version_is_read_back(values: list[int]):
    assert read_back("UInt16", values) == values


# asynch reads times of later centuries by way of a float.
@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), max_size=30))
def test_any_time_is_read_back_to_the_microsecond(values: list[datetime]):
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert read_back("DateTime64(6, 'UTC')", [(at - epoch) // timedelta(microseconds=1) for at in values]) == values


def test_every_type_of_event_log_can_be_written_and_without_rows_there_is_nothing_of_it():
    for kind in COLUMNS.values():
        assert native.column(kind, []) == b""


def test_another_type_is_refused():
    with pytest.raises(StoreMisconfigured, match="Nullable"):
        native.column("Nullable(String)", ["x"])


@pytest.mark.parametrize(
    ("kind", "value"), [("String", 1), ("UInt16", "1"), ("UInt16", 65_536), ("UUID", 1), ("UInt16", -1)]
)
def test_a_value_of_another_kind_is_not_written_as_something_else(kind, value):
    with pytest.raises((AttributeError, TypeError, OverflowError)):
        native.column(kind, [value])
