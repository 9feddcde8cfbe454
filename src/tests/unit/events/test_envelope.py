"""What an event becomes on its way into the outbox, and what is refused there."""

import json
import math
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from events.envelope import EventHoldsNul, EventHoldsSurrogate, EventNotJson, EventTooLarge, wrap
from events.event import Event


class Colour(Enum):
    RED = "red"


class Address(BaseModel):
    city: str
    key: SecretStr | None = None


class EverythingHappened(Event, name="envelope_test_everything", version=7):
    anything: Any = None
    number: float = 0.0
    at: datetime | None = None
    on: date | None = None
    lasted: timedelta | None = None
    price: Decimal | None = None
    reference: UUID | None = None
    colour: Colour | None = None
    address: Address | None = None
    password: SecretStr | None = None
    more: dict[str, Any] | None = None


TEXTS = {"environment": "test", "actor_id": "7", "request_id": "r-1", "trace_context": "00-ab-cd-01"}


def wrapped(*, max_bytes: int = 2**24, texts: dict[str, str] = TEXTS, **fields: Any):
    return wrap(EverythingHappened(**fields), max_bytes=max_bytes, **texts)


def context(**fields: Any) -> Any:
    return json.loads(wrapped(**fields).context)


def test_an_envelope_says_what_happened_when_where_and_by_whom():
    before = datetime.now(UTC)
    envelope = wrapped()
    assert before <= envelope.occurred_at <= datetime.now(UTC)
    assert envelope.occurred_at.tzinfo is UTC
    assert (envelope.event_type, envelope.metadata_version) == ("envelope_test_everything", 7)
    assert {name: getattr(envelope, name) for name in TEXTS} == TEXTS
    assert envelope.event_id.version == 7


def test_a_row_has_the_fields_in_their_order():
    envelope = wrapped()
    assert envelope.row() == astuple(envelope)


def test_the_context_is_compact_json_in_utf8():
    text = wrapped(anything="Grüße 🎉 \u2028", more={"a": [1, 2]}).context
    assert '"anything":"Grüße 🎉 \u2028"' in text
    assert '"more":{"a":[1,2]}' in text


def test_rich_types_become_json():
    assert context(
        at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        on=date(2026, 1, 2),
        lasted=timedelta(hours=1.5),
        price=Decimal("19.90"),
        reference=UUID(int=7),
        colour=Colour.RED,
        address=Address(city="Ålesund"),
    ) == {
        "anything": None,
        "number": 0.0,
        "at": "2026-01-02T03:04:05.678901Z",
        "on": "2026-01-02",
        "lasted": "PT1H30M",
        "price": "19.90",
        "reference": "00000000-0000-0000-0000-000000000007",
        "colour": "red",
        "address": {"city": "Ålesund", "key": None},
        "password": None,
        "more": None,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"password": SecretStr("hunter2")},
        {"address": Address(city="x", key=SecretStr("hunter2"))},
        {"anything": SecretStr("hunter2")},
        {"more": {"deep": [SecretStr("hunter2")]}},
    ],
)
def test_a_secret_travels_masked(fields):
    text = wrapped(**fields).context
    assert "hunter2" not in text
    assert "****" in text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("field", "holder"), [("number", lambda x: x), ("anything", lambda x: [x]), ("more", lambda x: {"a": {"b": x}})]
)
def test_what_is_no_number_in_json_is_refused(field, holder, value):
    with pytest.raises(EventNotJson, match=f"its field '{field}' is not JSON .NaN and Infinity"):
        wrapped(**{field: holder(value)})


def test_the_words_nan_and_infinity_are_only_words_in_a_text():
    assert context(anything="NaN, -Infinity")["anything"] == "NaN, -Infinity"


@pytest.mark.parametrize(
    "value", [object(), b"\xff", {"deep": [object()]}, lambda: None], ids=["object", "bytes", "deep", "function"]
)
def test_what_cannot_be_serialised_is_refused(value):
    with pytest.raises(EventNotJson, match="its field 'anything' is not JSON"):
        wrapped(anything=value)


def test_a_circle_is_refused():
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(EventNotJson, match="Circular"):
        wrapped(anything=circle)


def test_an_event_that_was_built_without_validation_is_refused_when_it_is_not_what_its_class_says():
    event = EverythingHappened.model_construct(number="many")  # type: ignore[arg-type]  # on purpose
    with pytest.raises(EventNotJson, match="its field 'number'"):
        wrap(event, max_bytes=1000, **TEXTS)


@pytest.mark.parametrize("value", ["a\0", {"k\0": 1}, [{"a": ["\0"]}], "\\\0", "\\\\\0"])
def test_a_nul_anywhere_in_the_context_is_refused(value):
    with pytest.raises(EventHoldsNul, match="its field 'anything' holds a NUL"):
        wrapped(anything=value)


@pytest.mark.parametrize("value", ["\\u0000", "\\\\u0000", "\\\\\\u0000 \\"])
def test_a_text_that_merely_looks_like_an_escaped_nul_is_fine(value):
    assert context(anything=value)["anything"] == value


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, [["\ud83d"]]])
def test_half_a_surrogate_pair_in_the_context_is_refused(value):
    with pytest.raises(EventHoldsSurrogate, match="its field 'anything'"):
        wrapped(anything=value)


@pytest.mark.parametrize("field", TEXTS)
def test_nul_and_surrogates_in_ids_are_refused(field):
    with pytest.raises(EventHoldsNul, match=f"its field '{field}'"):
        wrapped(texts=TEXTS | {field: "a\0b"})
    with pytest.raises(EventHoldsSurrogate, match=f"its field '{field}'"):
        wrapped(texts=TEXTS | {field: "a\ud800"})


def test_ids_may_be_empty_or_in_any_script():
    texts = TEXTS | {"actor_id": "Łódź\u200d\u00a0🎉", "request_id": ""}
    assert wrapped(texts=texts).actor_id == texts["actor_id"]


def test_the_size_is_measured_in_bytes_of_utf8():
    size = len(wrapped(anything="ü" * 100).context.encode())
    assert wrapped(anything="ü" * 100, max_bytes=size)
    with pytest.raises(EventTooLarge, match=f"it has {size} bytes as JSON, {size - 1} are allowed") as caught:
        wrapped(anything="ü" * 100, max_bytes=size - 1)
    assert caught.value.details["field"] == "anything"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_is_accepted_is_read_back_as_it_was(value):
    try:
        envelope = wrapped(anything=value)
    except EventHoldsNul:
        assert "\\u0000" in json.dumps(value)
    else:
        assert json.loads(envelope.context)["anything"] == value
