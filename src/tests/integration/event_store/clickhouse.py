"""Databases of their own on the ClickHouse of the environment, for tests."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from events.stores.clickhouse import ClickHouseEventStore
from events.stores.clickhouse.server import Server


def options(**changed: Any) -> dict[str, Any]:
    """What ClickHouseEventStore wants to know, from CLICKHOUSE_*."""
    if "CLICKHOUSE_HOST" not in os.environ:
        pytest.fail("CLICKHOUSE_HOST is not set: run the tests with `make test` or `python -m devstack exec -- pytest`")
    return {
        "host": os.environ["CLICKHOUSE_HOST"],
        "port": int(os.environ.get("CLICKHOUSE_PORT", "9000")),
        "user": os.environ.get("CLICKHOUSE_USER", "default"),
        "password": os.environ.get("CLICKHOUSE_PASSWORD", ""),
    } | changed


async def execute(sql: str, data: Any = None, *, database: str = "default", **settings: str) -> Any:
    """Run a statement on a connection of its own, behind every store's back."""
    server = Server(**options(), secure=False, connect_timeout=5, send_receive_timeout=60, compression=True)
    connection = server.connection(database=database)
    try:
        return await connection.execute(sql, data, settings=settings)
    finally:
        await connection.disconnect()


@contextmanager
def empty_database() -> Iterator[str]:
    """A name for a database that does not exist yet and will not exist afterwards."""
    name = f"test_{uuid4().hex}"
    try:
        yield name
    finally:
        asyncio.run(execute(f"DROP DATABASE IF EXISTS {name} SYNC"))


@contextmanager
def migrated_database() -> Iterator[str]:
    """A database with an event_log of its own, in which no merge tidies up behind a test."""
    with empty_database() as name:
        asyncio.run(ClickHouseEventStore(**options(database=name)).migrate())
        asyncio.run(execute(f"SYSTEM STOP MERGES {name}.event_log"))
        yield name
