"""A database of its own, and stores on it."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from events.stores.clickhouse import ClickHouseEventStore
from tests.integration.event_store.clickhouse import empty_database, migrated_database, options


@pytest.fixture
def new_database() -> Iterator[str]:
    """The name of a database that is not there yet."""
    with empty_database() as name:
        yield name


@pytest.fixture
def database() -> Iterator[str]:
    """A database with an event_log that no other test has touched."""
    with migrated_database() as name:
        yield name


@pytest_asyncio.fixture
async def stores() -> AsyncIterator[Callable[..., ClickHouseEventStore]]:
    """Makes stores on the ClickHouse of the environment, with any option changed, and closes them afterwards."""
    made = []

    def make(**changed: Any) -> ClickHouseEventStore:
        made.append(ClickHouseEventStore(**options(**changed)))
        return made[-1]

    yield make
    for store in made:
        await store.close()
