"""However the launcher of a stack ends, no process of the stack is left."""

import os
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.folder import SOURCE
from tests.chaos.launcher.launched import (
    ONE_ENGINE,
    Launched,
    Start,
    close_the_terminal,
    eventually,
    press_ctrl_c,
    processes_of,
    said_by,
    send_sighup,
    send_sigterm,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted through /proc")


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
    assert "devstack: valkey was ended by SIGKILL; everything is stopped" in launched.read()
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
    assert re.fullmatch(r"postgres://app:[\w-]+@127\.0\.0\.1:\d+/app die_hard\n", said)
    assert "DATABASE_URL of your environment is not used" in complaint
    password = (folder / "stack" / "password").read_text()
    tell = ["with-env", "--", "sh", "-c", "echo $DATABASE_URL $CLICKHOUSE_PASSWORD"]
    assert said_by(*tell, folder=folder)[1].count(password) == 2
    assert password not in launched.read() + complaint
    assert said_by("env", folder=folder)[1] == (folder / "stack" / "env").read_text()


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
