"""An installation of its own for chaos: servers that may be killed, databases, and the wire to ClickHouse."""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from clickhouse_driver import Client

from devstack import environment, ports
from devstack.engines import Engines
from devstack.folder import SOURCE
from tests.chaos.engine import Engine
from tests.chaos.wire import Wire
from tests.ports import free_ports

# A lease as short as is allowed, so that pauses can outlast it; everything else such that much happens in little time.
HASTE = {
    "OUTBOX_LEASE_SECONDS": "1",
    "OUTBOX_BACKOFF_BASE": "0.05",
    "OUTBOX_BACKOFF_CAP": "0.3",
    "OUTBOX_FLUSH_INTERVAL": "0.25",
    "OUTBOX_BATCH_ROWS": "200",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "WARNING",
}
# A merge would fold a repeated row before anybody has counted it.
NO_MERGES = """
    ALTER TABLE event_log MODIFY SETTING
        max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1,
        parts_to_delay_insert = 1000000, parts_to_throw_insert = 1000000, max_parts_in_total = 1000000
"""


class Installation:
    """A context: entering starts the servers and migrates, leaving kills them."""

    def __init__(self, *, folder: Path, settings: Mapping[str, str] = HASTE) -> None:
        chosen = free_ports(ports.ENGINE_PORTS)
        described = Engines(folder=folder, ports=chosen, password=secrets.token_urlsafe(12), durable=True)
        self.folder = folder
        self.engines = {
            service.name: Engine(service, log=folder / f"{service.name}.log") for service in described.services()
        }
        self.wire = Wire(port=chosen["CLICKHOUSE_PORT"])
        self._direct = described.addresses()
        self.environment = {
            **os.environ,
            **environment.for_tests(self._direct, secret_key=secrets.token_urlsafe(48)),
            **settings,
            "CLICKHOUSE_PORT": str(self.wire.port),
            "PYTHONPATH": os.pathsep.join([str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])]),
        }

    def __enter__(self) -> Self:
        for engine in self.engines.values():
            engine.start()
        self.manage("install")
        clickhouse = self.clickhouse()
        clickhouse.execute(NO_MERGES)
        clickhouse.disconnect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wire.close()
        for engine in self.engines.values():
            engine.kill()

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=SOURCE, capture_output=True, text=True, check=check,
            env=self.environment, timeout=300,
        )  # fmt: skip

    def postgres(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._direct["DATABASE_URL"], autocommit=True)

    def clickhouse(self) -> Client:
        """Another vendor's client, past the wire."""
        return Client(
            host=self._direct["CLICKHOUSE_HOST"],
            port=self._direct["CLICKHOUSE_PORT"],
            user=self._direct["CLICKHOUSE_USER"],
            password=self._direct["CLICKHOUSE_PASSWORD"],
            database=self._direct["CLICKHOUSE_DATABASE"],
        )
