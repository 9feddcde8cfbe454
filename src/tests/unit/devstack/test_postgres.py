"""PostgreSQL's data folder and its user, with the real programs."""

import asyncio
import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devstack import root
from devstack.output import Output
from devstack.postgres import NoPostgres, Postgres
from devstack.root import RootNotAllowed
from devstack.supervisor import Supervisor
from tests.folders import passable_folder
from tests.ports import free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    with passable_folder("postgres-") as path:
        yield path


def postgres(folder: Path, *, durable: bool = False) -> Postgres:
    return Postgres(folder=folder / "postgres", port=free_port(), password="open-sesame", durable=durable)


async def ask(server: Postgres, question: str, *, password: str = "open-sesame") -> str:
    """Start the server, ask it, stop it."""
    with open(os.devnull, "w") as nowhere:  # noqa: ASYNC230, PTH123 - nothing is read or written
        async with Supervisor([server.service()], output=Output(nowhere, names=[])) as supervisor:
            await supervisor.all_up()
            url = f"postgres://app:{password}@127.0.0.1:{server.port}/app"
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                row = await (await connection.execute(question.encode())).fetchone()
    assert row
    return str(row[0])


@pytest.mark.asyncio
async def test_a_start_that_was_killed_half_way_is_begun_anew(folder: Path) -> None:
    server = postgres(folder)
    server.service()
    half = asyncio.create_task(server.prepare_data_folder())
    unfinished = server.data.with_suffix(".unfinished")
    async with asyncio.timeout(20):
        while not (unfinished / "base").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.005)
    half.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await half
    assert not server.data.exists()
    assert await ask(server, "SELECT current_user || ' ' || current_database()") == "app app"
    assert not unfinished.exists()


@pytest.mark.asyncio
async def test_the_server_is_set_up_as_the_application_needs_it(folder: Path) -> None:
    settings = {
        "server_encoding": "UTF8", "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
        "max_connections": "200", "max_prepared_transactions": "20", "fsync": "on", "synchronous_commit": "on",
        "TimeZone": "UTC",
    }  # fmt: skip
    shown = " || ',' || ".join(f"current_setting('{name}')" for name in settings)
    assert await ask(postgres(folder, durable=True), f"SELECT {shown}") == ",".join(settings.values())


@pytest.mark.asyncio
async def test_whoever_does_not_know_the_password_stays_outside(folder: Path) -> None:
    for wrong in ("", "open-barley"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            await ask(postgres(folder), "SELECT 1", password=wrong)
    assert await ask(postgres(folder), "SELECT 1") == "1"


@pytest.mark.asyncio
async def test_a_data_folder_that_trusted_everybody_keeps_its_data_and_asks_for_the_password(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = postgres(folder, durable=True)
    initdb = server._initdb(server.data)
    trusting = [part for part in initdb if not part.startswith("--auth-")] + ["--auth=trust"]
    monkeypatch.setattr(Postgres, "_initdb", lambda self, data: [*trusting, f"--pgdata={data}"])
    monkeypatch.setattr(Postgres, "_our_password", lambda self: "")
    assert await ask(server, "SELECT lo_create(4711)", password="") == "4711"
    monkeypatch.undo()
    with pytest.raises(psycopg.OperationalError, match="password"):
        await ask(server, "SELECT 1", password="whatever")
    assert await ask(server, "SELECT oid FROM pg_largeobject_metadata") == "4711"


@pytest.mark.asyncio
async def test_a_throwaway_server_saves_itself_the_disk(folder: Path) -> None:
    shown = " || ',' || ".join(
        f"current_setting('{name}')" for name in ("fsync", "synchronous_commit", "full_page_writes")
    )
    assert await ask(postgres(folder), f"SELECT {shown}") == "off,off,off"


if os.geteuid() == 0:  # only root has the power to become nobody

    @pytest.mark.asyncio
    async def test_without_user_namespaces_root_hands_postgresql_to_nobody(
        folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(root, "in_user_namespace", _forbidden)
        server = postgres(folder)
        if _nobody_reaches(server.programs):
            assert await ask(server, "SELECT 1") == "1"
            assert server.data.stat().st_uid != 0
        else:
            with pytest.raises(RootNotAllowed):
                server.service()

    def test_a_folder_that_nobody_can_reach_is_said_clearly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(root, "in_user_namespace", _forbidden)
        folder.chmod(stat.S_IRWXU)
        with pytest.raises(
            RootNotAllowed, match=r"refuses to run as root.*run as an ordinary user, or set DEVSTACK_DIR"
        ):
            postgres(folder).service()


def test_a_version_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 16.4 (Debian 16.4-1)'\n")
    (programs / "postgres").chmod(0o755)
    monkeypatch.setenv("PG_BIN", str(programs))
    with pytest.raises(NoPostgres, match=r"PostgreSQL\) 16\.4.*17 is the oldest"):
        postgres(tmp_path).service()


def test_a_folder_without_postgresql_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(NoPostgres, match="no program postgres"):
        postgres(tmp_path).service()


def _forbidden() -> None:
    raise PermissionError


def _nobody_reaches(programs: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in programs.parents)
