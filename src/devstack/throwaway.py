"""`exec`: a stack on free ports in a temporary folder, for the time that one command takes."""

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from devstack import environment, folder, ports
from devstack.children import adopt_orphans, kill_orphans
from devstack.command import Command
from devstack.engines import Engines
from devstack.output import Output
from devstack.service import Service
from devstack.supervisor import ServiceFailed, StopWanted, Supervisor

_PREFIX = "die-hard-stack-"
_NEW = 60.0
_ATTEMPTS = 3
_GIVEN_BY = {"POSTGRES_PORT": "DATABASE_URL", "VALKEY_PORT": "REDIS_URL", "CLICKHOUSE_PORT": "CLICKHOUSE_HOST"}


def run(argv: Sequence[str], *, keep: bool) -> int:
    """The command's exit code (128+n when signal n ended it). Raises DevstackError."""
    remove_abandoned()
    adopt_orphans()
    try:
        with _temporary_folder(keep=keep) as stack, folder.locked(stack):
            return asyncio.run(_with_engines(stack, argv))
    finally:
        kill_orphans()


def remove_abandoned() -> None:
    """Remove the folders of launchers that were killed: they are not new, and nobody holds their lock."""
    for stack in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = (stack / "lock").stat()
            if lock.st_uid == os.geteuid() and time.time() - lock.st_mtime > _NEW and not folder.in_use(stack):
                shutil.rmtree(stack, ignore_errors=True)


async def _with_engines(stack: Path, argv: Sequence[str]) -> int:
    """Somebody may take a free port between our look and the engine's start: then all starts anew."""
    command = Command(argv)
    for attempt in range(1, _ATTEMPTS + 1):
        chosen = ports.free([name for name, variable in _GIVEN_BY.items() if not os.environ.get(variable)])
        try:
            return await _once(_open_folder(stack / str(attempt)), chosen, command)
        except ServiceFailed:
            if command.started or attempt == _ATTEMPTS or not ports.taken(chosen.values()):
                raise
    raise AssertionError("the last attempt returns or raises")


async def _once(data: Path, chosen: Mapping[str, int], command: Command) -> int:
    engines = Engines(folder=data, ports=chosen, password=secrets.token_urlsafe(12), durable=False)
    found = environment.for_tests(engines.addresses(), secret_key=secrets.token_urlsafe(48))
    services = engines.services()
    with _log(data, services) as output:
        async with Supervisor(services, output=output) as supervisor:
            command.listen_to_signals(supervisor)
            try:
                await supervisor.all_up()
            except StopWanted:
                return 128 + command.last_signal
            environment.write(data.parent, found)
            code = await command.run(found | {"DEVSTACK_DIR": str(data.parent)}, until=supervisor.stopping)
            supervisor.raise_failure()
            return code


@contextlib.contextmanager
def _log(data: Path, services: Sequence[Service]) -> Iterator[Output]:
    """The engines are quiet: what they print goes to a file beside their data."""
    with (data / "engines.log").open("w") as file:
        yield Output(file, names=[service.name for service in services])


@contextlib.contextmanager
def _temporary_folder(*, keep: bool) -> Iterator[Path]:
    stack = _open_folder(Path(tempfile.mkdtemp(prefix=_PREFIX)))
    try:
        yield stack
    finally:
        if keep:
            print(f"devstack: kept {stack}", file=sys.stderr)
        else:
            shutil.rmtree(stack, ignore_errors=True)


def _open_folder(path: Path) -> Path:
    """A folder that others can pass through: PostgreSQL may run as another user."""
    path.mkdir(exist_ok=True)
    path.chmod(0o711)
    return path
