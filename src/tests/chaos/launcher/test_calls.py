"""What a call of the launcher does, returns and says."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.launcher.launched import (
    ONE_ENGINE,
    environment_for,
    eventually,
    processes_of,
    said_by,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted through /proc")


def test_a_command_has_the_whole_stack_and_its_own_exit_code(folder: Path) -> None:
    ask = """
import os, psycopg, redis
from clickhouse_driver import Client
assert psycopg.connect(os.environ["DATABASE_URL"]).execute("SHOW fsync").fetchone() == ("off",)
assert redis.Redis.from_url(os.environ["REDIS_URL"]).ping()
account = {name: os.environ[f"CLICKHOUSE_{name.upper()}"] for name in ("host", "port", "user", "password", "database")}
assert Client(**account).execute("SELECT currentDatabase()") == [("die_hard",)]
print(os.environ["ENVIRONMENT"], os.environ["DEBUG"])
raise SystemExit(5)
"""
    code, said, complaint = said_by("exec", "--", sys.executable, "-W", "ignore", "-c", ask, folder=folder)
    assert (code, said, complaint) == (5, "test false\n", "")
    eventually(lambda: not processes_of(folder))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "expected"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_exec_returns_what_the_command_returned(script: str, expected: int, folder: Path) -> None:
    everything = {**ONE_ENGINE, "REDIS_URL": "redis://given"}
    assert said_by("exec", "--", "sh", "-c", script, folder=folder, environment=everything) == (expected, "", "")


def test_an_engine_whose_address_is_given_is_not_started(folder: Path) -> None:
    everything = {**ONE_ENGINE, "REDIS_URL": "redis://given"}
    tell = "echo $DATABASE_URL $REDIS_URL $CLICKHOUSE_HOST; ls $DEVSTACK_DIR/1"
    code, said, _ = said_by("exec", "--", "sh", "-c", tell, folder=folder, environment=everything)
    assert (code, said) == (0, "postgres://given redis://given given\nengines.log\n")


def test_a_port_that_somebody_takes_in_between_is_replaced(folder: Path) -> None:
    race = """
import socket, sys
from devstack import ports, throwaway
other = socket.create_server(("127.0.0.1", 0))
really_free, offers = ports.free, [{"VALKEY_PORT": other.getsockname()[1]}]
ports.free = lambda names: really_free(names) | (offers.pop() if offers else {})
sys.exit(throwaway.run(["sh", "-c", "cd $DEVSTACK_DIR && echo ?"], keep=False))
"""
    done = subprocess.run(
        [sys.executable, "-c", race], capture_output=True, text=True, check=False, timeout=60,
        env=environment_for(folder, ONE_ENGINE),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1 2\n"), done.stderr


def test_folders_of_launchers_that_were_killed_are_removed_unless_one_is_in_use(folder: Path) -> None:
    for name in ("killed", "running", "new"):
        (folder / f"die-hard-stack-{name}").mkdir()
        (folder / f"die-hard-stack-{name}" / "lock").touch()
        if name != "new":
            os.utime(folder / f"die-hard-stack-{name}" / "lock", (0, 0))
    with (folder / "die-hard-stack-running" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        everything = {**ONE_ENGINE, "REDIS_URL": "redis://given"}
        assert said_by("exec", "--", "true", folder=folder, environment=everything) == (0, "", "")
    assert sorted(path.name for path in folder.iterdir()) == ["die-hard-stack-new", "die-hard-stack-running"]


def test_a_kept_folder_is_named(folder: Path) -> None:
    everything = {**ONE_ENGINE, "REDIS_URL": "redis://given"}
    code, _, complaint = said_by("exec", "--keep", "--", "true", folder=folder, environment=everything)
    (kept,) = folder.iterdir()
    assert (code, complaint) == (0, f"devstack: kept {kept}\n")


def test_an_engine_that_does_not_start_shows_what_it_printed(folder: Path) -> None:
    broken = folder / "bin"
    broken.mkdir()
    (broken / "postgres").write_text("#!/bin/sh\ncase $1 in --version) echo 'postgres 18.0';; esac\n")
    (broken / "initdb").write_text("#!/bin/sh\necho the disk is on fire\nexit 4\n")
    for program in broken.iterdir():
        program.chmod(0o755)
    given = {"REDIS_URL": "redis://given", "CLICKHOUSE_HOST": "given", "PG_BIN": str(broken)}
    code, said, complaint = said_by("exec", "--", "echo", "never", folder=folder, environment=given)
    assert (code, said) == (1, "")
    assert "postgres could not be started: initdb exited with code 4: the disk is on fire" in complaint


def test_a_command_that_does_not_exist_is_said_as_a_shell_says_it(folder: Path) -> None:
    everything = {**ONE_ENGINE, "REDIS_URL": "redis://given"}
    for how in ("exec", "with-env"):
        code, _, complaint = said_by(how, "--", "no-such-program", folder=folder, environment=everything)
        assert (code, complaint) == (127, "devstack: no-such-program cannot be run: No such file or directory\n")


@pytest.mark.parametrize("arguments", [[], ["exec"], ["exec", "true"], ["exec", "--"], ["run", "fast"], ["nonsense"]])
def test_a_wrong_call_shows_the_usage(arguments: list[str], folder: Path) -> None:
    code, said, complaint = said_by(*arguments, folder=folder)
    assert (code, said) == (2, "")
    assert "usage: python -m devstack run" in complaint
