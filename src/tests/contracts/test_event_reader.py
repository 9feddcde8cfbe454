"""What every event reader promises the API: pages without gaps and repeats, and the events as they were recorded."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from events.reading import EventReader, Page, Place, StoredEvent, Wanted
from events.store import Batch
from events.stores.clickhouse import ClickHouseEventReader
from events.stores.memory import MemoryEventReader, MemoryEventStore
from tests.contracts.batches import MARCH_2026_US, batch
from tests.integration.event_store.clickhouse import options

pytestmark = pytest.mark.asyncio

TEXTS = [
    "Grüße 🎉👩‍🚀 \u2028\U0010ffff",
    "'\"`\\ \\' \\\\ %s %(x)s {x} ${x} $1 ? ; -- /* */ ') OR 1=1 --",
    "\\",
    "'",
    "a\0b",
    "\n\r\t\b\f\v\a\x1f\x7f",
]


@pytest_asyncio.fixture
async def reader(request, store):
    """Reads from the store of the same kind."""
    if isinstance(store, MemoryEventStore):
        yield MemoryEventReader(store)
        return
    made = ClickHouseEventReader(**options(database=request.getfixturevalue("database")))
    yield made
    await made.close()


@pytest.fixture
def here() -> str:
    """An environment of this test's own: the stores of a session are shared."""
    return f"test {uuid4()}"


def at(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def changed(made: Batch, **columns) -> Batch:
    """The batch with some columns of one value."""
    return replace(made, events=replace(made.events, **{name: [v] * len(made.events) for name, v in columns.items()}))


async def append(store, here: str, *, rows: int = 3, occurred_us: int = MARCH_2026_US, **columns) -> list[UUID]:
    """Have the store keep a batch in this environment; the ids of its events."""
    made = changed(batch(rows=rows, occurred_us=occurred_us), environment=here, **columns)
    await store.append(made)
    return [UUID(event_id) for event_id in made.events.event_id]


async def pages(reader: EventReader, wanted: Wanted, *, limit: int) -> list[StoredEvent]:
    """All events, page by page."""
    found: list[StoredEvent] = []
    after: Place | None = None
    while True:
        page: Page = await reader.page(wanted, after=after, limit=limit)
        assert len(page.events) <= limit
        found += page.events
        if page.is_last:
            return found
        after = page.events[-1].place


def ids(events) -> list[UUID]:
    return [event.event_id for event in events]


async def test_events_come_back_as_they_were_recorded(store, reader, here):
    made = changed(batch(rows=1), environment=here)
    await store.append(made)
    (event,) = (await reader.page(Wanted(environment=here), after=None, limit=10)).events
    kept = made.events
    assert event == StoredEvent(
        event_id=UUID(kept.event_id[0]), event_type=kept.event_type[0], occurred_at=at(kept.occurred_us[0]),
        environment=here, context=kept.context[0], metadata_version=1, actor_id=kept.actor_id[0],
        request_id=kept.request_id[0], trace_id=kept.trace_id[0], span_id=kept.span_id[0],
    )  # fmt: skip
    assert event.occurred_at.tzinfo is UTC
    assert await reader.event(event.event_id) == event


async def test_the_newest_come_first_and_the_last_page_says_so(store, reader, here):
    recorded = await append(store, here, rows=7)
    first = await reader.page(Wanted(environment=here), after=None, limit=3)
    assert (ids(first.events), first.is_last) == (recorded[:-4:-1], False)
    second = await reader.page(Wanted(environment=here), after=first.events[-1].place, limit=3)
    assert (ids(second.events), second.is_last) == (recorded[3:0:-1], False)
    third = await reader.page(Wanted(environment=here), after=second.events[-1].place, limit=3)
    assert (ids(third.events), third.is_last) == (recorded[:1], True)
    whole = await reader.page(Wanted(environment=here), after=None, limit=7)
    assert (len(whole.events), whole.is_last) == (7, True)


async def test_where_nothing_matches_there_is_an_empty_last_page(store, reader, here):
    assert await reader.page(Wanted(environment=here), after=None, limit=5) == Page(events=[], is_last=True)
    assert await reader.event(uuid4()) is None


@pytest.mark.parametrize("limit", [1, 7, 50])
async def test_of_many_events_of_one_microsecond_none_is_left_out_or_repeated(store, reader, here, limit):
    recorded = await append(store, here, rows=60, occurred_us=MARCH_2026_US)
    same = [str(uuid4()) for _ in range(40)]
    crowd = changed(batch(rows=40), environment=here, occurred_us=MARCH_2026_US + 5000)
    crowd = replace(crowd, events=replace(crowd.events, event_id=same))
    await store.append(crowd)
    found = await pages(reader, Wanted(environment=here), limit=limit)
    assert sorted(ids(found)) == sorted([*recorded, *map(UUID, same)])
    assert [event.occurred_at for event in found] == sorted((event.occurred_at for event in found), reverse=True)


async def test_copies_of_an_event_are_seen_once(store, reader, here):
    made = changed(batch(rows=10), environment=here)
    for number in range(3):  # under tokens and in batches of their own: no window knows them for repeats
        await store.append(replace(made, batch_id=uuid4(), token=f"{made.token}-{number}"))
    expected = [UUID(event_id) for event_id in reversed(made.events.event_id)]
    for limit in (1, 2, 3, 10, 50):
        assert ids(await pages(reader, Wanted(environment=here), limit=limit)) == expected
    assert (await reader.event(expected[0])).event_id == expected[0]


async def test_new_events_that_arrive_meanwhile_disturb_no_page(store, reader, here):
    recorded = await append(store, here, rows=40)
    found: list[UUID] = []
    after, number = None, 0

    async def arrive() -> None:
        nonlocal number
        number += 1
        await append(store, here, rows=5, occurred_us=MARCH_2026_US + number * 1_000_000)

    while True:
        page, _ = await asyncio.gather(reader.page(Wanted(environment=here), after=after, limit=7), arrive())
        found += ids(page.events)
        if page.is_last:
            break
        after = page.events[-1].place
    assert [event_id for event_id in found if event_id in recorded] == recorded[::-1]
    assert len(found) == len(set(found))


async def test_a_late_event_in_front_of_the_place_is_not_on_the_pages_behind_it(store, reader, here):
    recorded = await append(store, here, rows=4)
    page = await reader.page(Wanted(environment=here), after=None, limit=2)
    await append(store, here, rows=1, occurred_us=MARCH_2026_US + 2500)
    assert (
        ids((await reader.page(Wanted(environment=here), after=page.events[-1].place, limit=9)).events)
        == (recorded[1::-1])
    )


async def test_each_filter_leaves_what_matches_and_all_of_them_count(store, reader, here):
    trace_id = uuid4().hex
    plain = await append(store, here, rows=4)
    (special,) = await append(
        store, here, rows=1, event_type="invoice_paid", actor_id="ada", request_id="r-1", trace_id=trace_id
    )

    async def found(**filters) -> set[UUID]:
        return set(ids(await pages(reader, Wanted(environment=here, **filters), limit=50)))

    assert await found(event_types=["invoice_paid"]) == {special}
    assert await found(event_types=["invoice_paid", "user_registered"]) == {special, plain[0], plain[2]}
    assert await found(actor_id="ada") == await found(request_id="r-1") == await found(trace_id=trace_id) == {special}
    assert await found(actor_id="ada", event_types=["user_registered"]) == set()
    assert await found(actor_id="ADA") == set()


async def test_the_span_of_time_is_half_open_to_the_microsecond(store, reader, here):
    recorded = await append(store, here, rows=3)  # a millisecond apart

    async def found(since: int | None, until: int | None) -> list[UUID]:
        first, behind_last = (None if each is None else at(MARCH_2026_US + each) for each in (since, until))
        return ids(await pages(reader, Wanted(environment=here, since=first, until=behind_last), limit=2))[::-1]

    assert await found(None, 1000) == recorded[:1]
    assert await found(None, 1001) == recorded[:2]
    assert await found(1000, None) == recorded[1:]
    assert await found(1001, 2001) == recorded[2:]
    assert await found(1000, 1000) == []
    assert await found(1001, 2000) == []
    assert await found(2000, 1000) == []


async def test_events_of_all_times_are_found(store, reader, here):
    now = int(datetime.now(UTC).timestamp()) * 1_000_000
    hour = 3_600_000_000
    moments = [
        now + 24 * hour, now - 1000, now - hour // 2, now - 3 * hour, now - 24 * 7 * hour, now - 24 * 90 * hour,
        now - 24 * 365 * 10 * hour, 0, -hour,
    ]  # fmt: skip
    recorded = [(await append(store, here, rows=1, occurred_us=moment))[0] for moment in moments]
    for limit in (1, 2, 4, 50):
        assert ids(await pages(reader, Wanted(environment=here), limit=limit)) == recorded
    assert ids(await pages(reader, Wanted(environment=here, since=at(0), until=at(now)), limit=3)) == recorded[1:8]
    for impossible in (datetime.min, datetime.max):
        edge = impossible.replace(tzinfo=UTC)
        assert len(await pages(reader, Wanted(environment=here, since=edge), limit=50)) in {0, len(recorded)}


@pytest.mark.parametrize("text", TEXTS, ids=["unicode", "quotes", "backslash", "quote", "nul", "control"])
async def test_whatever_is_looked_for_is_text_and_no_sql(store, reader, here, text):
    here += text
    await append(store, here, rows=2)
    (odd,) = await append(store, here, rows=1, event_type=text, actor_id=text, request_id=text, trace_id=text)
    for filters in ({"event_types": [text]}, {"actor_id": text}, {"request_id": text}, {"trace_id": text}):
        found = await pages(reader, Wanted(environment=here, **filters), limit=5)
        assert ids(found) == [odd]
        assert (found[0].environment, found[0].actor_id) == (here, text)
        assert await pages(reader, Wanted(environment=f"{here}'", **filters), limit=5) == []


async def test_large_contexts_come_in_pages_that_leave_nothing_out(store, reader, here):
    context = '{"text":"' + "ü" * 300_000 + '"}'
    recorded = await append(store, here, rows=9, context=context)
    found = await pages(reader, Wanted(environment=here), limit=200)
    assert ids(found) == recorded[::-1]
    assert {event.context for event in found} == {context}


async def test_many_may_read_at_once(store, reader, here):
    recorded = await append(store, here, rows=20)
    found = await asyncio.gather(*(reader.page(Wanted(environment=here), after=None, limit=20) for _ in range(12)))
    assert [ids(page.events) for page in found] == [recorded[::-1]] * 12


async def test_a_reader_can_be_used_after_it_was_closed(store, reader, here):
    recorded = await append(store, here)
    await reader.close()
    assert ids((await reader.page(Wanted(environment=here), after=None, limit=5)).events) == recorded[::-1]
