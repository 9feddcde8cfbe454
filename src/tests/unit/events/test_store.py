"""Batches and fingerprints, which every store shares."""

from dataclasses import fields, replace
from typing import Any
from uuid import uuid4

import pytest
import xxhash

from events.fingerprint import checksum, fingerprints
from events.store import Columns
from tests.contracts.batches import batch


def test_a_batch_less_some_events_keeps_the_order_of_the_others():
    whole = batch(rows=5)
    gone = {whole.events.event_id[1], whole.events.event_id[3]}
    rest = whole.without(gone)
    for field in fields(Columns):
        every = getattr(whole.events, field.name)
        assert list(getattr(rest.events, field.name)) == [every[0], every[2], every[4]]


def test_the_same_remainder_has_the_same_token_and_another_one_another():
    whole = batch(rows=3)
    first, second, _ = whole.events.event_id
    assert whole.without({first}).token == whole.without({first}).token == whole.without({first, str(uuid4())}).token
    assert len({whole.token, whole.without({first}).token, whole.without({second}).token}) == 3
    assert batch(rows=3).without({first}).token != whole.without({first}).token


def test_a_fingerprint_is_the_xxhash64_of_the_columns_joined_by_unit_separators():
    events = batch(rows=1, context='{"a":"ü"}').events
    values = [str(getattr(events, field.name)[0]) for field in fields(Columns)]
    assert fingerprints(events) == [xxhash.xxh64_intdigest("\x1f".join(values).encode())]


@pytest.mark.parametrize("field", [field.name for field in fields(Columns)])
def test_a_change_of_any_column_changes_the_fingerprint(field):
    events = batch(rows=1).events
    other: Any = {"event_id": uuid4(), "occurred_us": 1, "metadata_version": 2}.get(field, "other")
    assert fingerprints(replace(events, **{field: [other]})) != fingerprints(events)


def test_a_checksum_sees_a_pair_of_repeats_and_stays_within_64_bits():
    assert checksum([5, 5, 5]) != checksum([5])
    assert checksum([2**64 - 1, 2]) == 1
    assert checksum([]) == 0
