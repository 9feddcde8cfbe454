"""The embedded ClickHouse server in a process of its own, as the launcher starts it, and foreign clients for it."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count as count_up
from pathlib import Path
from typing import Any

import pytest
from asynch.proto.connection import Connection as AsynchConnection
from clickhouse_driver import Client

from tests.ports import free_port

SOURCE = Path(__file__).parents[3]
SECONDS_TO_START = 30
PASSWORD = "s3cret"


@dataclass
class RunningServer:
    process: subprocess.Popen[str]
    port: int
    folder: Path
    errors: Path

    def client(self, **options: Any) -> Client:
        chosen = {"port": self.port, "password": PASSWORD, "database": "die_hard"} | options
        return Client("127.0.0.1", **chosen)

    @asynccontextmanager
    async def asynch(self, **options: Any) -> AsyncIterator[Any]:
        chosen = {"port": self.port, "password": PASSWORD, "database": "die_hard"} | options
        connection = AsynchConnection(host="127.0.0.1", **chosen)
        await connection.connect()
        try:
            yield connection
        finally:
            await connection.disconnect()

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def open_files(self) -> int:
        """Sockets and unfinished inserts among them; the engine's own come and go only with parts."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def threads(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/task").iterdir())

    def resident_bytes(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))

    def log(self) -> str:
        return self.errors.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


def start(folder: Path, *, port: int | None = None, config: Path | None = None) -> RunningServer:
    """A server that accepts connections, or one that has ended instead."""
    port = port or free_port()
    folder.parent.mkdir(parents=True, exist_ok=True)
    errors = folder.with_name(folder.name + ".stderr")
    command = [sys.executable, "-m", "devstack.clickhouse", "--data", str(folder), "--port", str(port)]
    command += ["--config", str(config)] if config else []
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "DEVSTACK_CLICKHOUSE_PASSWORD": PASSWORD}
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], SECONDS_TO_START)
    assert readable, "the server said nothing"
    line = process.stdout.readline()
    assert line.startswith("clickhouse: accepts connections") or process.wait(timeout=10) != 0
    return RunningServer(process, port, folder, errors)


def end(server: RunningServer) -> None:
    if server.process.poll() is None:
        server.process.kill()
        server.process.wait(timeout=10)
    if server.process.stdout is not None:
        server.process.stdout.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One for all tests that do not harm it."""
    running = start(tmp_path_factory.mktemp("clickhouse") / "data")
    assert running.process.poll() is None, running.log()
    yield running
    end(running)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Servers of a test's own: `start_server(port=…)`, all over the same folder."""
    started: list[RunningServer] = []

    def start_one(*, folder: Path = tmp_path / "data", port: int | None = None) -> RunningServer:
        started.append(start(folder, port=port))
        return started[-1]

    yield start_one
    for one in started:
        end(one)


@pytest.fixture
def client(server: RunningServer) -> Iterator[Client]:
    one = server.client()
    yield one
    one.disconnect()


_numbers = count_up(1)


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    """A name that no other test uses; the table of that name, if the test makes it, is dropped."""
    name = f"t{next(_numbers)}"
    yield name
    client.execute(f"DROP TABLE IF EXISTS {name} SYNC")


@pytest.fixture
def numbers(client: Client, table: str) -> str:
    """A table of numbers and names that takes no number above 1000 and drops repeated tokens."""
    client.execute(
        f"CREATE TABLE {table} (n Int32, s String DEFAULT 'none', CONSTRAINT small CHECK n <= 1000)"
        " ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100"
    )
    return table


def count(client: Client, table: str) -> int:
    [(found,)] = client.execute(f"SELECT count() FROM {table}")
    assert isinstance(found, int)
    return found
