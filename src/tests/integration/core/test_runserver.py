"""The development server: it serves, reloads, and stops in order, however it is told to."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from core.settings.environment import SOURCE
from tests.plain_http import PLAIN
from tests.ports import free_port


class Server:
    def __init__(self, folder: Path, *arguments: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "runserver", str(self.port), *arguments],
                cwd=SOURCE, env={**os.environ, "DEBUG": "true", "LOG_FORMAT": "json", "PYTHONPATH": str(SOURCE)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str) -> httpx.Response:
        return PLAIN.get(f"http://127.0.0.1:{self.port}{path}")

    def wait_until(self, look: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not look():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            return self.get("/livez").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, with_signal: int, *, everybody: bool = False) -> int:
        (os.killpg if everybody else os.kill)(self.process.pid, with_signal)
        return self.process.wait(timeout=15)


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start_one(*arguments: str, port: int | None = None) -> Server:
        started.append(Server(tmp_path, *arguments, port=port))
        return started[-1]

    yield start_one
    for server in started:
        if server.process.poll() is None:
            os.killpg(server.process.pid, signal.SIGKILL)
            server.process.wait(timeout=15)


@pytest.mark.parametrize(
    ("with_signal", "everybody", "arguments"),
    [
        (signal.SIGINT, True, []),  # Ctrl-C in a terminal reaches both processes
        (signal.SIGTERM, False, []),  # a supervisor's word reaches the outer one
        (signal.SIGINT, False, ["--noreload"]),
    ],
)
def test_it_serves_and_stops_in_order(start, with_signal, everybody, arguments):
    server = start(*arguments)
    server.wait_until(server.answers)
    assert server.get("/static/admin/css/base.css").status_code == 200
    assert server.stop(with_signal, everybody=everybody) == 0
    assert "Finished server process" in server.log()
    assert "Traceback" not in server.log()
    assert not server.answers()


def test_it_serves_anew_when_the_code_changes(start):
    server = start()
    server.wait_until(server.answers)
    time.sleep(1.1)  # the watcher looks once a second, and has to have looked once before
    (SOURCE / "users" / "api" / "urls.py").touch()
    server.wait_until(lambda: server.log().count("Started server process") == 2)
    server.wait_until(server.answers)
    assert server.stop(signal.SIGTERM) == 0


def test_a_port_that_is_taken_ends_it(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = start(port=taken.getsockname()[1])
        assert server.process.wait(timeout=30) == 1
    assert "address already in use" in server.log()


def test_that_its_server_was_killed_shows_in_its_exit_code_as_a_shell_has_it(start):
    server = start()
    server.wait_until(server.answers)
    (inner,) = re.findall(r"Started server process \[(\d+)\]", server.log())
    os.kill(int(inner), signal.SIGKILL)
    assert server.process.wait(timeout=15) == 128 + signal.SIGKILL
