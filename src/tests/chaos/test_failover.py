"""A primary that fails over to a standby which lacks the ledger's end: what was delivered is not delivered anew."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from clickhouse_driver import Client

from devstack.folder import SOURCE
from tests.chaos.pair import Node, Pair
from tests.folders import passable_folder
from tests.integration.outbox.conftest import INSERT

_TRY_AGAIN = 4


class Scene:
    """The two servers, one event_log, and the commands of an installation that uses one server or the other."""

    def __init__(self, *, pair: Pair, clickhouse: Client, database: str) -> None:
        self.pair, self.clickhouse, self._database = pair, clickhouse, database

    def manage(self, node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "DATABASE_URL": node.url,
            "CLICKHOUSE_DATABASE": self._database,
            "OUTBOX_BATCH_ROWS": "200",
            "OUTBOX_LEASE_SECONDS": "1",
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(SOURCE),
        }
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=SOURCE, env=environment, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip

    def deliver(self, node: Node) -> None:
        """Try until all is delivered: after a failover everything waits for a while."""
        deadline = time.monotonic() + 60
        while (done := self.manage(node, "outbox", "deliver", "--json")).returncode == _TRY_AGAIN:
            assert time.monotonic() < deadline, done.stdout
        assert done.returncode == 0, done.stdout + done.stderr

    def record(self, node: Node, *numbers: int) -> set[UUID]:
        with node.connect() as session:
            before = _event_ids(session)
            session.execute(INSERT, (list(numbers),))
            return _event_ids(session) - before

    def stored(self) -> dict[UUID, int]:
        """By event, how often it is there; nothing folds them, for merges are stopped."""
        return dict(self.clickhouse.execute("SELECT event_id, count() FROM event_log GROUP BY event_id"))


def _event_ids(session) -> set[UUID]:
    return {event_id for (event_id,) in session.execute("SELECT event_id FROM outbox_event")}


@pytest.fixture
def scene() -> Iterator[Scene]:
    database = f"failover_{uuid4().hex[:12]}"
    clickhouse = Client(
        host=os.environ["CLICKHOUSE_HOST"], port=os.environ["CLICKHOUSE_PORT"], user=os.environ["CLICKHOUSE_USER"],
        password=os.environ["CLICKHOUSE_PASSWORD"],
    )  # fmt: skip
    with passable_folder("die-hard-failover-") as folder:
        pair = Pair(folder=folder)
        try:
            pair.start()
            scene = Scene(pair=pair, clickhouse=clickhouse, database=database)
            installed = scene.manage(pair.primary, "install")
            assert installed.returncode == 0, installed.stderr
            clickhouse.execute(f"USE {database}")
            clickhouse.execute("SYSTEM STOP MERGES event_log")
            yield scene
        finally:
            pair.close()
            clickhouse.execute(f"DROP DATABASE IF EXISTS {database}")
            clickhouse.disconnect()


def test_what_was_delivered_before_a_failover_that_lost_the_ledgers_end_is_not_repeated(scene):
    primary, standby = scene.pair.primary, scene.pair.standby
    assert int(primary.one("SELECT pg_current_xact_id()::text")) > 3 * 2**32
    settled_before = scene.record(primary, *range(300))
    scene.deliver(primary)
    waiting = scene.record(primary, *range(500))
    scene.pair.catch_up()

    scene.pair.cut_off()
    ghosts = scene.record(primary, 1, 2, 3, 4, 5)  # committed on the primary alone: they do not survive it
    scene.deliver(primary)
    scene.pair.fail_over()

    recorded_after = scene.record(standby, *range(7))
    scene.deliver(standby)
    assert scene.stored() == dict.fromkeys(settled_before | waiting | ghosts | recorded_after, 1)

    verified = scene.manage(standby, "outbox", "verify", "--json")
    assert verified.returncode == 1, "five events are in the log whose transactions the failover has undone"
    found = json.loads(verified.stdout)
    assert {UUID(each) for difference in found["differences"] for each in difference["unexpected"]} == ghosts
    assert found["not_in_the_ledger"] == []
    assert found["pending_events"] == 0


def test_a_switchover_that_loses_nothing_leaves_everything_in_order(scene):
    primary, standby = scene.pair.primary, scene.pair.standby
    settled_before = scene.record(primary, *range(300))
    scene.deliver(primary)
    waiting = scene.record(primary, *range(500))
    scene.pair.catch_up()
    scene.pair.cut_off()
    scene.pair.fail_over()

    recorded_after = scene.record(standby, *range(7))
    scene.deliver(standby)
    assert scene.stored() == dict.fromkeys(settled_before | waiting | recorded_after, 1)
    verified = scene.manage(standby, "outbox", "verify")
    assert verified.returncode == 0, verified.stdout
