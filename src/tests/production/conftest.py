import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.output import Output
from devstack.supervisor import Supervisor
from tests.folders import passable_folder
from tests.ports import free_port
from tests.production.postgres import ComposePostgres


@pytest.fixture(scope="package")
def postgres() -> Iterator[ComposePostgres]:
    """PostgreSQL as in Compose, with its roles and an empty database."""
    with passable_folder("compose-postgres-") as folder:
        server = ComposePostgres(
            folder=folder / "postgres", port=free_port(), password="of-the-superuser", durable=False
        )
        with running(server):
            secrets = folder / "secrets"
            secrets.mkdir(mode=0o700)
            server.make_roles(secrets)
            yield server


def log_of(server: ComposePostgres) -> Path:
    """What the server prints, its log among it."""
    return server.folder.with_suffix(".log")


@contextmanager
def running(server: ComposePostgres) -> Iterator[None]:
    """The server, watched by an event loop in a thread of its own."""
    up, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    failed: list[BaseException] = []

    async def watch() -> None:
        with log_of(server).open("w") as log:
            async with Supervisor([server.service()], output=Output(log, names=[])) as supervisor:
                await supervisor.all_up()
                up.set()
                await stop.wait()

    def work() -> None:
        try:
            loop.run_until_complete(watch())
        except BaseException as error:  # noqa: BLE001 -- raised in the test's thread
            failed.append(error)
        finally:
            up.set()

    thread = threading.Thread(target=work)
    thread.start()
    up.wait(timeout=60)
    try:
        if failed:
            raise failed[0]
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=60)
        loop.close()
