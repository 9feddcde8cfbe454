"""A PostgreSQL primary and its asynchronous standby, real servers both, for tests of what a failover leaves behind."""

import asyncio
import secrets
import time
from pathlib import Path
from typing import Any

import psycopg

from devstack.children import run_to_end
from devstack.postgres import Postgres
from tests.chaos.engine import Engine
from tests.ports import free_port

# Transaction ids of 64 bits: these clusters are as old as if they had wrapped around three times.
_EPOCH = 3


class Node:
    """One of the two servers."""

    def __init__(self, *, folder: Path, password: str) -> None:
        port = free_port()
        self.postgres = Postgres(folder=folder, port=port, password=password, durable=True)
        self.url = f"postgres://app:{password}@127.0.0.1:{port}/app"
        self.engine = Engine(self.postgres.service(), log=folder / "log")

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True)

    def one(self, sql: str) -> Any:
        with self.connect() as session:
            return session.execute(sql).fetchone()[0]

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's own programs as the user whom the server runs as."""
        argv = [str(self.postgres.programs / program), *arguments]
        asyncio.run(run_to_end(argv, environment={"LC_ALL": "C"}, first=self.postgres.in_child))


class Pair:
    """The standby receives all that the primary commits, until it is cut off; then it can be promoted."""

    def __init__(self, *, folder: Path) -> None:
        password = secrets.token_urlsafe(12)
        self.primary = Node(folder=folder / "primary", password=password)
        self.standby = Node(folder=folder / "standby", password=password)

    def start(self) -> None:
        primary, standby = self.primary, self.standby
        asyncio.run(primary.postgres.prepare_data_folder())
        primary.run("pg_resetwal", f"--epoch={_EPOCH}", str(primary.postgres.data))
        primary.engine.start()
        backup = ["--pgdata", str(standby.postgres.data), "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        standby.run("pg_basebackup", "--dbname", primary.url, *backup)
        standby.engine.start()

    def catch_up(self) -> None:
        """Wait until the standby has all that the primary has written."""
        target = self.primary.one("SELECT pg_current_wal_lsn()")
        deadline = time.monotonic() + 30
        while not self.standby.one(f"SELECT pg_last_wal_replay_lsn() >= '{target}'"):
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.02)

    def cut_off(self) -> None:
        """From now on, what the primary commits does not reach the standby."""
        self.standby.engine.kill()

    def fail_over(self) -> None:
        """The primary is gone for good, and the standby takes its place."""
        self.primary.engine.kill()
        self.standby.engine.start()
        assert self.standby.one("SELECT pg_promote(wait => true)")

    def close(self) -> None:
        self.primary.engine.kill()
        self.standby.engine.kill()
