"""Every event store there is, one after the other."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from events.store import ProvisionedEventStore
from events.stores.clickhouse import ClickHouseEventStore
from events.stores.memory import MemoryEventStore
from tests.integration.event_store.clickhouse import migrated_database, options


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    with migrated_database() as name:
        yield name


@pytest.fixture(params=["memory", "clickhouse"])
def make_store(request) -> Callable[[], ProvisionedEventStore]:
    """Makes a store; it is asked no more than the port has."""
    if request.param == "memory":
        return MemoryEventStore
    configured = options(database=request.getfixturevalue("database"))
    return lambda: ClickHouseEventStore(**configured)


@pytest_asyncio.fixture
async def store(make_store) -> AsyncIterator[ProvisionedEventStore]:
    made = make_store()
    yield made
    await made.close()
