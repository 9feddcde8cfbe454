"""docs/operations.md: its lines that back up and restore ClickHouse do it, on the engine and in another folder."""

import re

import pytest
import pytest_asyncio

from events.stores.clickhouse import ClickHouseEventStore
from tests.contracts.batches import batch
from tests.integration.devstack_clickhouse.conftest import PASSWORD, end, start
from tests.production.test_runbook import BLOCKS
from tests.production.test_servers import CONFIGURATION

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

INSIDE = "docker compose exec clickhouse clickhouse-client --query "
# The day is the shell's in the first line and an example in the last one. The engine from the wheel packs no archives.
LINES = [
    re.sub(r"(\$\(date \+%F\)|\d{4}-\d\d-\d\d)\.zip", "today", line.removeprefix(INSIDE).strip('"'))
    for line in BLOCKS
    if line.startswith(INSIDE)
]


@pytest_asyncio.fixture
async def engine(tmp_path):
    """The engine with backups configured as the image's are, below this test's folder."""
    within = CONFIGURATION.findtext("backups/allowed_path")
    assert within.startswith("/var/lib/clickhouse/")
    config = tmp_path / "config.xml"
    folder = f"{tmp_path}/{within.rpartition('clickhouse/')[2]}"
    config.write_text(f"<clickhouse><backups><allowed_path>{folder}</allowed_path></backups></clickhouse>")
    server = start(tmp_path / "data", config=config)
    yield server
    end(server)


@pytest_asyncio.fixture
async def store(engine):
    made = ClickHouseEventStore(host="127.0.0.1", port=engine.port, password=PASSWORD, database="die_hard")
    await made.migrate()
    yield made
    await made.close()


async def test_what_was_backed_up_is_there_again_and_the_gap_can_be_filled(engine, store):
    backup, aside, restore = LINES
    backed_up, later = batch(), batch()
    client = engine.client(database="default")
    await store.append(backed_up)
    client.execute(backup)
    await store.append(later)
    client.execute(aside)
    client.execute(restore)
    await store.migrate()
    await store.check()
    assert len(await store.stored(backed_up.batch_id)) == 3
    assert len(await store.stored(later.batch_id)) == 0
    await store.append(later)
    assert {digest.rows for digest in (await store.digests([backed_up.batch_id, later.batch_id])).values()} == {3}
    assert client.execute("SELECT count() FROM die_hard_before.event_log") == [(6,)]
    client.disconnect()
