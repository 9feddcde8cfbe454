"""However the launcher of `exec`, its command or an engine ends, nothing of either is left."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.launcher.launched import (
    ONE_ENGINE,
    Launched,
    Start,
    close_the_terminal,
    processes_of,
    send_sighup,
    send_sigterm,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted through /proc")

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
    assert "valkey was ended by SIGKILL" in launched.read()
    launched.leaves_nothing()


def test_what_a_command_leaves_behind_is_killed(start: Start, folder: Path) -> None:
    launched = start("exec", "--", "sh", "-c", "setsid sleep 60 & echo left", environment=ONE_ENGINE)
    assert launched.exit_code() == 0
    launched.leaves_nothing()
