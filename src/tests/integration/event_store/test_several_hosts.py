"""Several addresses of one store: when one is away, or of no use, the next one serves."""

import asyncio
import socket
from contextlib import suppress

import pytest
import pytest_asyncio

from events.store import StoreMisconfigured, StoreUnavailable
from tests.acceptance.gate import Gate
from tests.chaos.wire import Moment, Snag, Wire
from tests.contracts.batches import batch
from tests.integration.devstack_clickhouse.conftest import PASSWORD, end, start
from tests.integration.event_store.clickhouse import options
from tests.integration.event_store.scripted_server import exception, scripted

pytestmark = pytest.mark.asyncio
READ_ONLY = 242


@pytest.fixture
def engine() -> tuple[str, int]:
    return options()["host"], options()["port"]


@pytest.fixture
def gates(engine):
    """Two doors to the engine."""
    host, port = engine
    pair = Gate(host=host, port=port), Gate(host=host, port=port)
    yield pair
    for gate in pair:
        gate.close()


@pytest.fixture
def dead_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def test_a_host_that_is_away_is_passed_over(stores, database, engine, dead_port):
    store, whole = stores(database=database, host="127.0.0.1", port=dead_port, standbys=[engine]), batch()
    await store.append(whole)
    assert len(await store.stored(whole.batch_id)) == 3


async def test_a_host_that_goes_away_is_replaced_without_an_error_and_so_is_its_replacement(stores, database, gates):
    first, second = gates
    store = stores(database=database, host="127.0.0.1", port=first.port, standbys=[("127.0.0.1", second.port)])
    sent = [batch() for _ in range(3)]
    await store.append(sent[0])
    first.close()
    await store.append(sent[1])
    first.open()
    second.close()
    await store.append(sent[2])
    assert [len(await store.stored(each.batch_id)) for each in sent] == [3, 3, 3]


async def test_when_all_are_away_the_store_is_unavailable_and_later_is_not(stores, database, gates):
    first, second = gates
    store = stores(database=database, host="127.0.0.1", port=first.port, standbys=[("127.0.0.1", second.port)])
    for gate in gates:
        gate.close()
    whole = batch()
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{first.port}, 127.0.0.1:{second.port}"):
        await store.append(whole)
    second.open()
    await store.append(whole)
    assert len(await store.stored(whole.batch_id)) == 3


@pytest.mark.parametrize(
    ("at", "arrived"),
    [((Moment.STATEMENT, 0), 0), ((Moment.DATA, 0.5), 0), ((Moment.ANSWER, 0), 500)],
    ids=["before the data", "within the data", "at the acknowledgement"],
)
async def test_after_a_host_is_lost_within_an_insert_another_one_knows_what_has_arrived(
    stores, database, engine, at, arrived
):
    wire = Wire(port=engine[1])
    store, whole = stores(database=database, host="127.0.0.1", port=wire.port, standbys=[engine]), batch(rows=500)
    await store.check()
    moment, share = at
    wire.arm(Snag(moment, share=share, cuts=True))
    with pytest.raises(StoreUnavailable):
        await store.append(whole)
    wire.close()
    assert len(await store.stored(whole.batch_id)) == arrived
    await store.append(whole)
    assert {len(copies) for copies in (await store.stored(whole.batch_id)).values()} == {1}
    digest = (await store.digests([whole.batch_id]))[whole.batch_id]
    assert (digest.rows, digest.events) == (500, 500)


async def test_a_host_that_takes_connections_and_is_of_no_use_is_passed_over_next_time(stores, database, engine):
    async with scripted(exception(READ_ONLY, "Table is in readonly mode")) as (_, useless):
        store, whole = stores(database=database, host="127.0.0.1", port=useless, standbys=[engine]), batch()
        with pytest.raises(StoreUnavailable, match="readonly"):
            await store.stored(whole.batch_id)
        await store.append(whole)
        assert len(await store.stored(whole.batch_id)) == 3


async def test_a_host_that_says_nothing_holds_up_the_first_connection_and_no_other(stores, database, engine):
    connections = []

    async def say_nothing(_reader, writer):
        connections.append(writer)
        await asyncio.sleep(60)

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        store = stores(database=database, host="127.0.0.1", port=port, standbys=[engine], connect_timeout=0.3)
        await store.check()
        assert len(connections) == 1
        await store.close()  # what follows needs connections anew
        await asyncio.gather(*(store.check() for _ in range(3)))
        assert len(connections) == 1
        for writer in connections:
            writer.transport.abort()


@pytest_asyncio.fixture
async def two_stores(stores, tmp_path):
    """A door to each of two engines which know nothing of each other, and what makes a store of both."""
    servers = [start(tmp_path / name) for name in ("one", "two")]
    doors = [Gate(host="127.0.0.1", port=server.port) for server in servers]
    account = {"user": "default", "password": PASSWORD, "database": "die_hard", "host": "127.0.0.1"}
    for door in doors:
        await stores(**account, port=door.port).migrate()
    yield doors, {**account, "port": doors[0].port, "standbys": [("127.0.0.1", doors[1].port)]}
    for door in doors:
        door.close()
    for server in servers:
        end(server)


async def test_addresses_of_two_stores_are_refused_because_a_failover_would_keep_everything_twice(stores, two_stores):
    (one, two), both = two_stores
    with pytest.raises(StoreMisconfigured, match=f"127.0.0.1:{one.port} and 127.0.0.1:{two.port} have event_logs of"):
        await stores(**both).append(batch())


@pytest.mark.parametrize("notices", [True, False], ids=["after an error", "in silence"])
async def test_two_stores_are_found_out_at_a_failover_if_they_were_never_up_together(stores, two_stores, notices):
    (one, two), both = two_stores
    store = stores(**both)
    two.close()
    await store.append(batch())
    one.close()
    if notices:
        with pytest.raises(StoreUnavailable):
            await store.append(batch())
    two.open()
    with pytest.raises(StoreMisconfigured, match=f"127.0.0.1:{two.port} has another event_log"):
        await store.append(batch())
    two.close()
    one.open()
    with suppress(StoreUnavailable):  # the address that has served is not tried first after that
        await store.append(batch())
    await store.append(batch())
