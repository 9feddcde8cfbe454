"""The kill matrix: however the launcher ends, no process of its stack is left."""

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.folder import SOURCE
from tests.chaos.launched import Launched, environment_for, eventually, processes_of, said_by

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted through /proc")

type Start = Callable[..., Launched]

# `exec` with one quick engine: the others are "given".
ONE_ENGINE = {"DATABASE_URL": "postgres://given", "CLICKHOUSE_HOST": "given"}
# A command that counts what it hears, and takes its time to end.
PATIENT = """
import signal, sys, time
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append("INT"))
signal.signal(signal.SIGTERM, lambda *_: heard.append("TERM"))
print("command is up", flush=True)
while not heard:
    time.sleep(0.01)
time.sleep(0.5)
print("heard", *heard, flush=True)
sys.exit(7)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own, which other users cannot pass through: PostgreSQL may run as one."""
    path = Path(tempfile.mkdtemp(prefix="launcher-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    started: list[Launched] = []

    def start(*arguments: str, **options: object) -> Launched:
        started.append(Launched(*arguments, folder=folder, **options))  # type: ignore[arg-type]  # passed on as given
        return started[-1]

    yield start
    for launched in started:
        launched.close()


def press_ctrl_c(launched: Launched) -> None:
    launched.press_ctrl_c()


def close_the_terminal(launched: Launched) -> None:
    launched.close_terminal()


def send_sigterm(launched: Launched) -> None:
    launched.send(signal.SIGTERM)


def send_sighup(launched: Launched) -> None:
    launched.send(signal.SIGHUP)


@pytest.mark.parametrize("end", [press_ctrl_c, send_sigterm, send_sighup, close_the_terminal])
def test_the_engines_end_with_the_launcher(end: Callable[[Launched], None], start: Start, folder: Path) -> None:
    launched = start("services")
    launched.await_words("Ctrl-C")
    assert len(processes_of(folder)) > 3
    assert (folder / "stack" / "env").exists()
    end(launched)
    assert launched.exit_code() == 0
    launched.leaves_nothing()
    assert not (folder / "stack" / "env").exists()


@pytest.mark.parametrize("arguments", [["services"], ["exec", "--", "sh", "-c", "echo Ctrl-C; exec sleep 60"]])
def test_a_closed_terminal_is_noticed_behind_a_parent_that_keeps_the_news_to_itself(
    arguments: list[str], start: Start, folder: Path
) -> None:
    # As make does, which hears SIGHUP as the session's leader, and waits for us.
    deaf = ["sh", "-c", 'trap : HUP; "$@"; exit', "sh"]
    launched = start(*arguments, through=deaf, environment=ONE_ENGINE)
    launched.await_words("Ctrl-C")
    launched.close_terminal()
    launched.leaves_nothing()


def test_ctrl_c_while_the_data_folder_is_made_leaves_nothing_and_spoils_nothing(start: Start, folder: Path) -> None:
    launched = start("services")
    eventually(lambda: any("initdb" in command for command in processes_of(folder).values()))
    launched.press_ctrl_c()
    assert launched.exit_code() == 0
    launched.leaves_nothing()
    again = start("services")
    again.await_words("Ctrl-C")
    again.press_ctrl_c()
    assert again.exit_code() == 0
    again.leaves_nothing()


def test_an_engine_that_dies_takes_everything_with_it(start: Start, folder: Path) -> None:
    launched = start("services")
    launched.await_words("Ctrl-C")
    (valkey,) = (pid for pid, command in processes_of(folder).items() if "valkey-server" in command)
    os.kill(valkey, signal.SIGKILL)
    assert launched.exit_code() == 1
    assert "devstack: valkey was ended by signal 9; everything is stopped" in launched.read()
    launched.leaves_nothing()


def test_a_launcher_that_is_killed_leaves_nothing_and_its_data_is_recovered(start: Start, folder: Path) -> None:
    launched = start("services")
    launched.await_words("Ctrl-C")
    launched.send(signal.SIGKILL)
    launched.exit_code()
    launched.leaves_nothing()

    code, _, complaint = said_by("env", folder=folder)
    assert (code, "left behind by a stack that was killed" in complaint) == (1, True)
    code, said, complaint = said_by("with-env", "--", "sh", "-c", "echo going on", folder=folder)
    assert (code, said) == (0, "going on\n")
    assert "left behind by a stack that was killed" in complaint

    again = start("services")
    again.await_words("Ctrl-C")
    again.press_ctrl_c()
    assert again.exit_code() == 0
    again.leaves_nothing()


@pytest.mark.slow
def test_the_whole_application_runs_and_leaves_nothing(start: Start, folder: Path) -> None:
    running = start("run")
    running.await_words("Ctrl-C")
    web = re.search(r"web +(http://127\.0\.0\.1:\d+/)", running.read())
    assert web
    with urllib.request.urlopen(f"{web[1]}livez", timeout=10) as response:
        assert response.status == 200
    verify = ["with-env", "--", sys.executable, str(SOURCE / "manage.py"), "outbox", "verify", "--json"]
    assert said_by(*verify, folder=folder)[0] == 0
    running.send(signal.SIGKILL)
    running.exit_code()
    again = start("run")  # at once: what was killed is still going
    again.await_words("Ctrl-C")
    again.press_ctrl_c()
    assert again.exit_code() == 0
    again.leaves_nothing()


def test_a_running_stack_is_found_by_others_and_not_started_twice(start: Start, folder: Path) -> None:
    launched = start("services")
    launched.await_words("Ctrl-C")
    code, _, complaint = said_by("services", folder=folder)
    assert (code, complaint.count("\n")) == (1, 1)
    assert re.search(rf"a stack runs on .* already \(process {launched.process.pid}\)", complaint)

    given = {"DATABASE_URL": "postgres://elsewhere", "LOG_FORMAT": "json"}
    tell = ["with-env", "--", "sh", "-c", "echo $DATABASE_URL $CLICKHOUSE_DATABASE"]
    code, said, complaint = said_by(*tell, folder=folder, environment=given)
    assert re.fullmatch(r"postgres://app@127\.0\.0\.1:\d+/app die_hard\n", said)
    assert "DATABASE_URL of your environment is not used" in complaint
    assert said_by("env", folder=folder)[1] == (folder / "stack" / "env").read_text()


def test_ctrl_c_reaches_the_command_once_and_is_waited_for(start: Start, folder: Path) -> None:
    launched = start("exec", "--", sys.executable, "-c", PATIENT, environment=ONE_ENGINE)
    launched.await_words("command is up")
    launched.press_ctrl_c()
    assert launched.exit_code() == 7
    assert "heard INT\r\n" in launched.read()
    launched.leaves_nothing()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "INT"), (signal.SIGTERM, "TERM")])
def test_a_signal_to_the_launcher_without_a_terminal_reaches_the_command_once(
    number: signal.Signals, name: str, start: Start
) -> None:
    launched = start("exec", "--", sys.executable, "-c", PATIENT, environment=ONE_ENGINE, terminal=False)
    launched.await_words("command is up")
    os.killpg(launched.process.pid, number)
    assert launched.exit_code() == 7
    assert f"heard {name}\r\n" in launched.read()
    launched.leaves_nothing()


@pytest.mark.parametrize("end", [send_sigterm, send_sighup, close_the_terminal])
def test_a_command_ends_with_the_launcher(end: Callable[[Launched], None], start: Start, folder: Path) -> None:
    launched = start("exec", "--", "sh", "-c", "echo command is up; exec sleep 60", environment=ONE_ENGINE)
    launched.await_words("command is up")
    end(launched)
    assert launched.exit_code() in {128 + signal.SIGTERM, 128 + signal.SIGHUP}
    launched.leaves_nothing()
    assert list(folder.iterdir()) == []


def test_a_command_ends_with_the_launcher_that_is_killed(start: Start) -> None:
    launched = start("exec", "--", "sh", "-c", "echo command is up; exec sleep 60", environment=ONE_ENGINE)
    launched.await_words("command is up")
    launched.send(signal.SIGKILL)
    launched.exit_code()
    launched.leaves_nothing()


def test_a_command_is_ended_when_an_engine_dies(start: Start, folder: Path) -> None:
    launched = start("exec", "--", "sh", "-c", "echo command is up; exec sleep 60", environment=ONE_ENGINE)
    launched.await_words("command is up")
    (valkey,) = (pid for pid, command in processes_of(folder).items() if "valkey-server" in command)
    os.kill(valkey, signal.SIGKILL)
    assert launched.exit_code() == 1
    assert "valkey was ended by signal 9" in launched.read()
    launched.leaves_nothing()


def test_what_a_command_leaves_behind_is_killed(start: Start, folder: Path) -> None:
    launched = start("exec", "--", "sh", "-c", "setsid sleep 60 & echo left", environment=ONE_ENGINE)
    assert launched.exit_code() == 0
    launched.leaves_nothing()


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


def test_a_taken_port_stops_the_start_with_one_line(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, said, complaint = said_by("services", folder=folder, environment={"VALKEY_PORT": port})
    assert (code, said) == (1, "")
    assert complaint == (
        f"devstack: port {port} is taken: stop the program that listens there, or set VALKEY_PORT to another port\n"
    )


@pytest.mark.parametrize("arguments", [[], ["exec"], ["exec", "true"], ["exec", "--"], ["run", "fast"], ["nonsense"]])
def test_a_wrong_call_shows_the_usage(arguments: list[str], folder: Path) -> None:
    code, said, complaint = said_by(*arguments, folder=folder)
    assert (code, said) == (2, "")
    assert "usage: python -m devstack run" in complaint
