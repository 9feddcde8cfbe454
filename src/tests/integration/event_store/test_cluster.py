"""A cluster: a batch goes to one shard whole and once, and what has arrived is found on whichever replica has it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from events.fingerprint import checksum, fingerprints
from events.reading import Wanted
from events.store import Digest, StoreMisconfigured
from events.stores.clickhouse import ClickHouseEventReader, ClickHouseEventStore, replicas
from events.stores.clickhouse.replicas import TooFewReplicas
from tests.contracts.batches import MARCH_2026_US, batch
from tests.integration.event_store.cluster import Cluster, cluster_of_engines

pytestmark = pytest.mark.asyncio
NOBODY = UUID(int=0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with cluster_of_engines(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest_asyncio.fixture
async def sharded(cluster: Cluster):
    store = ClickHouseEventStore(**cluster.options("shards"))
    yield store
    await store.close()


@pytest_asyncio.fixture
async def trio(cluster: Cluster):
    """Three replicas of one shard; each has only what it took itself."""
    for node in "bcd":
        cluster.execute(node, "TRUNCATE TABLE trio.event_log_local")
    store = ClickHouseEventStore(**cluster.options("trio"), connect_timeout=1)
    yield store
    await store.close()


def digest(of) -> Digest:
    return Digest(rows=len(of.events), events=len(of.events), checksum=checksum(fingerprints(of.events)))


async def test_batches_are_spread_over_the_shards_each_of_them_whole(cluster, sharded):
    sent = [batch(rows=50) for _ in range(20)]
    for each in sent:
        await sharded.append(each)
    spread = [cluster.rows(node, "shards") for node in "ab"]
    assert sum(spread) == 1000
    assert all(rows and rows % 50 == 0 for rows in spread)
    assert await sharded.digests([each.batch_id for each in sent]) == {each.batch_id: digest(each) for each in sent}


async def test_a_repeat_is_known_by_its_token_through_the_distributed_table(cluster, sharded):
    before, again = [cluster.rows(node, "shards") for node in "ab"], batch(rows=100)
    for _ in range(3):
        await sharded.append(again)
    assert sum(cluster.rows(node, "shards") for node in "ab") == sum(before) + 100
    assert {len(copies) for copies in (await sharded.stored(again.batch_id)).values()} == {1}


async def test_the_batches_are_listed_from_all_shards_in_one_order_page_by_page(sharded):
    sent = [batch(rows=1) for _ in range(12)]
    for each in sent:
        await sharded.append(each)
    since, listed, after = datetime.now(UTC) - timedelta(hours=1), [], NOBODY
    while page := await sharded.batches(since=since, after=after, limit=5):
        assert len(page) <= 5
        listed += page
        after = page[-1]
    assert len(listed) == len(set(listed))
    assert {each.batch_id for each in sent} <= set(listed)
    span = {"oldest": datetime(2026, 3, 9, tzinfo=UTC), "newest": datetime(2026, 3, 11, tzinfo=UTC)}
    assert await sharded.batches_between(**span, after=NOBODY, limit=1000) == listed


async def test_what_only_one_replica_has_is_found_whichever_is_asked_first(cluster, trio):
    whole = batch(rows=100)
    await trio.append(whole)
    assert sorted(cluster.rows(node, "trio") for node in "bcd") == [0, 0, 100]
    for _ in range(5):
        assert len(await trio.stored(whole.batch_id)) == 100
        assert await trio.digests([whole.batch_id]) == {whole.batch_id: digest(whole)}


async def test_what_several_replicas_have_counts_once_and_what_is_repeated_on_one_shows(cluster, trio):
    whole = batch(rows=10)
    await trio.append(whole)
    (has,) = [node for node in "bcd" if cluster.rows(node, "trio")]
    one, other = (node for node in "bcd" if node != has)
    columns = "* EXCEPT inserted_at"
    rows = cluster.execute(has, f"SELECT {columns} FROM trio.event_log_local ORDER BY event_id")
    names = [name for (name, *_) in cluster.execute(has, f"DESCRIBE (SELECT {columns} FROM trio.event_log_local)")]
    insert = f"INSERT INTO trio.event_log_local ({', '.join(names)}) VALUES"
    cluster.execute(one, insert, rows)
    assert await trio.digests([whole.batch_id]) == {whole.batch_id: digest(whole)}
    assert {len(copies) for copies in (await trio.stored(whole.batch_id)).values()} == {1}
    cluster.execute(other, "SYSTEM STOP MERGES trio.event_log_local")
    for some in (rows, rows[:1]):
        cluster.execute(other, insert, some)
    assert (await trio.digests([whole.batch_id]))[whole.batch_id].rows == 11
    assert sorted(len(copies) for copies in (await trio.stored(whole.batch_id)).values()) == [1] * 9 + [2]


async def test_an_answer_needs_as_many_replicas_as_meet_every_quorum(cluster, trio):
    whole = batch(rows=10)
    await trio.append(whole)
    without = [node for node in "bcd" if not cluster.rows(node, "trio")]
    cluster.stop(without[0])
    try:
        assert len(await trio.stored(whole.batch_id)) == 10
        cluster.stop(without[1])
        for ask in (trio.stored(whole.batch_id), trio.digests([whole.batch_id])):
            with pytest.raises(TooFewReplicas, match="1 of 3 replicas of shard 01 answer, 2 must"):
                await ask
    finally:
        for node in without:
            cluster.start(node)
    assert len(await trio.stored(whole.batch_id)) == 10


async def test_a_cluster_that_the_server_does_not_know_is_a_fault_of_the_deployment(cluster):
    store = ClickHouseEventStore(**cluster.options("trio") | {"cluster": "nosuch"})
    with pytest.raises(StoreMisconfigured, match="nosuch"):
        await store.stored(NOBODY)
    await store.close()


async def test_uneven_shards_are_refused_because_nobody_could_say_how_many_are_enough():
    with pytest.raises(StoreMisconfigured, match=r"different numbers of replicas: \[1, 3\]"):
        replicas._demand_enough({"01": 3, "02": 1}, sizes=[3, 1])
    for size, enough in ((1, 1), (2, 1), (3, 2), (4, 2), (5, 3)):
        replicas._demand_enough({"01": enough}, sizes=[size])
        with pytest.raises(TooFewReplicas):
            replicas._demand_enough({"01": enough - 1}, sizes=[size])
    with pytest.raises(TooFewReplicas, match="1 of 2 shards answer"):
        replicas._demand_enough({"01": 3}, sizes=[3, 3])


async def test_events_are_read_from_all_shards_in_one_order_and_copies_on_two_shards_once(cluster, sharded):
    for node in "ab":
        cluster.execute(node, "TRUNCATE TABLE shards.event_log_local")
    sent = [batch(rows=9, occurred_us=MARCH_2026_US + number * 1_000_000) for number in range(8)]
    for each in sent:
        for copy in range(4):  # in batches of their own, so that some go to the other shard
            await sharded.append(replace(each, batch_id=uuid4(), token=f"{each.token}-{copy}"))
    assert all(cluster.rows(node, "shards") for node in "ab")
    reader = ClickHouseEventReader(**cluster.options("shards"))
    found: list[str] = []
    page = await reader.page(Wanted(), after=None, limit=10)
    while page.events:
        found += [str(event.event_id) for event in page.events]
        page = await reader.page(Wanted(), after=page.events[-1].place, limit=10)
    assert found == [event_id for each in reversed(sent) for event_id in reversed(each.events.event_id)]
    assert str((await reader.event(UUID(found[0]))).event_id) == found[0]
    await reader.close()
