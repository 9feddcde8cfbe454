"""The real processes (Uvicorn, Celery worker and beat) on databases of their own, used from outside over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
from clickhouse_driver import Client

from tests.acceptance.gate import Gate
from tests.ports import free_port

SOURCE = Path(__file__).resolve().parents[2]
COMMANDS = {
    "web": ["-m", "uvicorn", "core.asgi:application", "--port", "{port}", "--log-level", "warning", "--ws", "none"],
    "worker": [
        "-m",
        "celery",
        "--quiet",
        "-A",
        "core",
        "worker",
        "--concurrency",
        "2",
        "--without-mingle",
        "--without-gossip",
    ],
    "beat": ["-m", "celery", "--quiet", "-A", "core", "beat", "--schedule", "{folder}/beat"],
}


def eventually[Found](look: Callable[[], Found], *, within: float = 20.0) -> Found:
    """Look until something is found."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within:g} s: {look}"
        time.sleep(0.05)
    return found


class Application:
    """The processes of one installation, and gates in front of the servers they need."""

    def __init__(self, *, folder: Path, environment: dict[str, str]) -> None:
        self.clickhouse = Gate(host=environment["CLICKHOUSE_HOST"], port=int(environment["CLICKHOUSE_PORT"]))
        redis = urlsplit(environment["REDIS_URL"])
        self.broker = Gate(host=redis.hostname or "", port=redis.port or 6379)
        self.port = free_port()
        self.environment = {
            **environment,
            "CLICKHOUSE_HOST": "127.0.0.1",
            "CLICKHOUSE_PORT": str(self.clickhouse.port),
            "REDIS_URL": f"redis://127.0.0.1:{self.broker.port}/{int(environment['ACCEPTANCE_REDIS_DB'])}",
            "PYTHONPATH": str(SOURCE),
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
            "METRICS_TOKEN": "for-scrapers-only",
            "METRICS_PORT": str(free_port()),
            "HEARTBEAT_DIR": str(folder / "alive"),
        }
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)

    def start(self, *names: str) -> None:
        for name in names:
            self.launch(name, [part.format(port=self.port, folder=self.folder) for part in COMMANDS[name]])
        if "web" in names:
            eventually(self._answers)

    def launch(self, name: str, command: list[str], **more: str) -> None:
        """Start a process, with more in its environment; what it says goes into a log of its own."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command], cwd=SOURCE, env={**self.environment, **more}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self, *names: str, with_signal: int = signal.SIGKILL) -> None:
        for name in names:
            process = self.processes.pop(name)
            os.killpg(process.pid, with_signal)
            process.wait(timeout=30)

    def revive(self, name: str) -> None:
        """Start a worker again that Kombu has ended, as a supervisor does.

        It does so now and then when the broker goes away under a message that is not acknowledged: it wants to put that
        back over a connection that it has taken apart. Any other end is a fault of ours.
        """
        if self.processes[name].poll() is not None:
            assert "in _connparams" in self.log(name), self.log(name)
            self.processes.pop(name)
            self.start(name)

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=SOURCE, env=self.environment, capture_output=True, text=True,
            check=check, timeout=60,
        )  # fmt: skip

    def verify(self) -> dict[str, Any]:
        """What `outbox verify` finds; it has exited with 0 or 1."""
        verified = self.manage("outbox", "verify", "--json", check=False)
        assert verified.returncode in {0, 1}, verified.stderr
        found: dict[str, Any] = json.loads(verified.stdout)
        return found

    def register(self, email: str) -> httpx.Response:
        return self.http.post(
            "/api/users/",
            json={"email": email, "password": "a long way down", "first_name": "Ada", "last_name": "Lovelace"},
        )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def close(self) -> None:
        self.kill(*list(self.processes))
        self.http.close()
        self.clickhouse.close()
        self.broker.close()

    def _answers(self) -> bool:
        assert self.processes["web"].poll() is None, self.log("web")
        try:
            return self.http.get("/livez").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@contextmanager
def own_databases(*, redis_db: int = 9, **more: str) -> Iterator[dict[str, str]]:
    """The environment of an installation with databases of its own, which are dropped in the end."""
    name = f"acceptance_{uuid4().hex[:12]}"
    database = os.environ["DATABASE_URL"]
    own = urlsplit(database)._replace(path=f"/{name}").geturl()
    clickhouse = Client(
        host=os.environ["CLICKHOUSE_HOST"],
        port=os.environ.get("CLICKHOUSE_PORT", "9000"),
        user=os.environ.get("CLICKHOUSE_USER", "default"),
        password=os.environ.get("CLICKHOUSE_PASSWORD", ""),
    )
    with psycopg.connect(database, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield {
            **os.environ,
            "CLICKHOUSE_PORT": os.environ.get("CLICKHOUSE_PORT", "9000"),
            "DATABASE_URL": own,
            "CLICKHOUSE_DATABASE": name,
            "ACCEPTANCE_REDIS_DB": str(redis_db),
            "OUTBOX_BACKOFF_CAP": "1",
            "OUTBOX_FLUSH_INTERVAL": "0.5",
            "LOG_FORMAT": "json",
            **more,
        }
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    clickhouse.execute(f"DROP DATABASE IF EXISTS {name}")
    clickhouse.disconnect()


@pytest.fixture(scope="package")
def environment() -> Iterator[dict[str, str]]:
    with own_databases() as own:
        yield own


@pytest.fixture(scope="package")
def application(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    running = Application(folder=tmp_path_factory.mktemp("application"), environment=environment)
    try:
        running.manage("install")
        running.start("web", "worker", "beat")
        yield running
    finally:
        running.close()


@pytest.fixture(scope="package")
def event_log(environment: dict[str, str], application: Application) -> Iterator[Client]:
    client = client_past_the_gate(environment)
    yield client
    client.disconnect()


def client_past_the_gate(environment: dict[str, str]) -> Client:
    """ClickHouse, seen through another vendor's client."""
    return Client(
        host=environment["CLICKHOUSE_HOST"],
        port=environment["CLICKHOUSE_PORT"],
        user=environment.get("CLICKHOUSE_USER", "default"),
        password=environment.get("CLICKHOUSE_PASSWORD", ""),
        database=environment["CLICKHOUSE_DATABASE"],
    )
