"""What every event store promises the relay and `verify`."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.fingerprint import checksum, fingerprints
from events.store import Batch, Columns, Digest, EventStore, StoreRefused
from tests.contracts.batches import MARCH_2026_US, batch

pytestmark = pytest.mark.asyncio

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IDS = st.uuids().map(str)


def digest(*batches: Batch) -> Digest:
    """What a store says that kept exactly these."""
    hashes = [one for each in batches for one in fingerprints(each.events)]
    ids = {event_id for each in batches for event_id in each.events.event_id}
    return Digest(rows=len(hashes), events=len(ids), checksum=checksum(hashes))


async def assert_kept_once(store: EventStore, kept: Batch) -> None:
    by_event = dict(zip(kept.events.event_id, ([one] for one in fingerprints(kept.events)), strict=True))
    stored = await store.stored(kept.batch_id)
    assert {event_id: list(copies) for event_id, copies in stored.items()} == by_event
    assert await store.digests([kept.batch_id]) == {kept.batch_id: digest(kept)}


async def test_an_appended_batch_is_stored(store):
    whole = batch(rows=5)
    await store.append(whole)
    await assert_kept_once(store, whole)


async def test_a_batch_appended_twice_is_stored_once(store):
    whole = batch(rows=5)
    await store.append(whole)
    await store.append(whole)
    await assert_kept_once(store, whole)


async def test_a_batch_appended_four_times_at_once_is_stored_once(store):
    whole = batch(rows=500)
    await asyncio.gather(*(store.append(whole) for _ in range(4)))
    await assert_kept_once(store, whole)


async def test_an_append_leaves_the_batch_as_it_was(store):
    whole = batch(rows=5)
    before = [list(getattr(whole.events, name)) for name in Columns.__slots__]
    await store.append(whole)
    assert [list(getattr(whole.events, name)) for name in Columns.__slots__] == before


async def test_what_is_missing_can_be_appended_later(store):
    whole = batch(rows=5)
    late = set(whole.events.event_id[::2])
    await store.append(whole.without(late))
    assert set(await store.stored(whole.batch_id)) == set(whole.events.event_id) - late
    await store.append(whole.without(set(await store.stored(whole.batch_id))))
    await assert_kept_once(store, whole)


async def test_batches_do_not_mix(store):
    first, second = batch(rows=2), batch(rows=3)
    await store.append(first)
    await store.append(second)
    await assert_kept_once(store, first)
    await assert_kept_once(store, second)
    assert await store.digests([first.batch_id, second.batch_id]) == {
        first.batch_id: digest(first),
        second.batch_id: digest(second),
    }


async def test_different_batches_may_be_appended_at_once(store):
    several = [batch(rows=50) for _ in range(12)]
    await asyncio.gather(*(store.append(one) for one in several))
    assert await store.digests([one.batch_id for one in several]) == {one.batch_id: digest(one) for one in several}


async def test_identical_events_in_different_batches_are_not_taken_for_repeats(store):
    first = batch(rows=2)
    second = replace(first, batch_id=uuid4(), token=str(uuid4()))
    await store.append(first)
    await store.append(second)
    await assert_kept_once(store, first)
    await assert_kept_once(store, second)


async def test_of_unknown_batches_there_is_nothing(store):
    known, unknown = batch(), uuid4()
    await store.append(known)
    assert await store.stored(unknown) == {}
    assert await store.digests([unknown]) == {}
    assert set(await store.digests([unknown, known.batch_id])) == {known.batch_id}
    assert await store.digests([]) == {}


async def test_a_batch_of_nothing_leaves_nothing(store):
    whole = batch(rows=3)
    await store.append(whole.without(set(whole.events.event_id)))
    assert await store.stored(whole.batch_id) == {}


async def test_a_batch_of_one_event_and_of_ten_thousand(store):
    for rows in (1, 10_000):
        whole = batch(rows=rows)
        await store.append(whole)
        await assert_kept_once(store, whole)


async def test_thousands_of_batches_can_be_asked_for_at_once(store):
    several = [batch(rows=1) for _ in range(5)]
    for one in several:
        await store.append(one)
    asked = [*(uuid4() for _ in range(3000)), *(one.batch_id for one in several)]
    assert await store.digests(asked) == {one.batch_id: digest(one) for one in several}


async def test_rows_under_another_token_show_as_repeated(store):
    whole = batch(rows=3)
    one = whole.without(set(whole.events.event_id[1:]))
    await store.append(whole)
    await store.append(replace(one, token="another"))
    stored = await store.stored(whole.batch_id)
    assert [len(stored[event_id]) for event_id in whole.events.event_id] == [2, 1, 1]
    assert await store.digests([whole.batch_id]) == {whole.batch_id: digest(whole, one)}


async def test_an_altered_row_shows_by_its_fingerprint(store):
    whole = batch(rows=3)
    altered = replace(whole, events=replace(whole.events, context=["{}"] * 3))
    await store.append(altered)
    assert set(await store.stored(whole.batch_id)) == set(whole.events.event_id)
    assert await store.digests([whole.batch_id]) != {whole.batch_id: digest(whole)}


@pytest.mark.parametrize(
    "other_form", [str.upper, lambda text: text.replace("-", " "), lambda text: text.replace("-", "")], ids=range(3)
)
async def test_an_id_that_is_not_in_its_canonical_form_is_refused_with_its_batch(store, other_form):
    """It would be found under another text than it was appended by: missing, and unexpected."""
    whole = batch(rows=3)
    first, second, third = whole.events.event_id
    wrong = replace(whole, events=replace(whole.events, event_id=[first, other_form(second), third]))
    with pytest.raises(StoreRefused, match="UUID"):
        await store.append(wrong)
    assert await store.stored(whole.batch_id) == {}
    await store.append(whole)
    await assert_kept_once(store, whole)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Grüße 🎉👩‍🚀 \u2028\U0010ffff",
        "'\"`\\ \\' \\\\ %s %(x)s {x} ${x} $1 ? ; -- /* */",
        "\n\r\t\b\f\v\a\x1f\x7f",
        "\0 NUL \0",
        "x" * 1_000_000,
        "ü" * 1_000_000,
    ],
    ids=["empty", "unicode", "quotes", "control", "nul", "1MB", "2MB"],
)
async def test_texts_are_kept_to_the_byte(store, text):
    whole = batch(rows=2, context=text)
    rest = {name: [text[:1000]] * 2 for name in ("environment", "actor_id", "request_id", "trace_id", "span_id")}
    whole = replace(whole, events=replace(whole.events, event_type=[text[:1000]] * 2, **rest))
    await store.append(whole)
    await assert_kept_once(store, whole)


@pytest.mark.parametrize("year", [1900, 1969, 1970, 2038, 2106, 2299])
async def test_times_are_kept_to_the_microsecond(store, year):
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first = datetime(year, 1, 1, tzinfo=UTC) - epoch
    last = datetime(year, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC) - epoch
    whole = batch(rows=2)
    times = [(span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds for span in (first, last)]
    whole = replace(whole, events=replace(whole.events, occurred_us=times))
    await store.append(whole)
    await assert_kept_once(store, whole)


@given(
    rows=st.lists(
        st.tuples(IDS, TEXT, st.integers(0, 10**12), TEXT, TEXT, st.integers(0, 65_535), TEXT, TEXT, TEXT, TEXT),
        min_size=1,
        max_size=20,
        unique_by=lambda row: row[0],
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_fingerprints_are_those_of_python_whatever_the_events(store, rows):
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[2] = [MARCH_2026_US + offset for offset in columns[2]]
    batch_id = uuid4()
    whole = Batch(
        batch_id=batch_id,
        token=str(batch_id),
        events=Columns(**dict(zip(Columns.__slots__, columns, strict=True))),
    )
    await store.append(whole)
    await assert_kept_once(store, whole)


async def test_a_store_can_be_used_after_it_was_closed(store):
    whole = batch()
    await store.append(whole)
    await store.close()
    await assert_kept_once(store, whole)


async def test_check_and_migrate_pass_on_a_store_that_is_set_up(store):
    assert await store.migrate() == []
    await store.check()


async def test_batches_are_found_by_when_their_events_occurred_to_the_microsecond(store):
    first = await _appended(store, rows=2, occurred_us=MARCH_2026_US)  # and one a millisecond later
    second = await _appended(store, rows=1, occurred_us=MARCH_2026_US + 5_000_000)

    async def between(oldest: int, newest: int) -> set[UUID]:
        found = await store.batches_between(oldest=_at(oldest), newest=_at(newest), after=UUID(int=0), limit=1000)
        return set(found) & {first, second}

    assert await between(MARCH_2026_US, MARCH_2026_US) == {first}
    assert await between(MARCH_2026_US + 1, MARCH_2026_US + 999) == set()
    assert await between(MARCH_2026_US + 1000, MARCH_2026_US + 5_000_000) == {first, second}
    assert await between(MARCH_2026_US + 5_000_001, MARCH_2026_US + 9_000_000) == set()


async def test_batches_of_a_span_of_time_come_in_pages(store):
    expected = sorted([await _appended(store, rows=1, occurred_us=MARCH_2026_US - 7) for _ in range(5)], key=str)
    found: list[UUID] = []
    after = UUID(int=0)
    at = _at(MARCH_2026_US - 7)
    while page := await store.batches_between(oldest=at, newest=at, after=after, limit=2):
        assert len(page) <= 2
        found += page
        after = page[-1]
    assert sorted(found, key=str) == expected
    assert len(found) == len(set(found))


async def _appended(store, *, rows: int, occurred_us: int) -> UUID:
    made = batch(rows=rows, occurred_us=occurred_us)
    await store.append(made)
    return made.batch_id


def _at(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
