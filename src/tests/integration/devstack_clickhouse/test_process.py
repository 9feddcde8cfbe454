"""The process itself: how it starts, ends, fails to start, and what survives its death."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from clickhouse_driver.errors import ServerException

from tests.integration.devstack_clickhouse.conftest import SOURCE, RunningServer

StartServer = Callable[..., RunningServer]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_quickly_on_a_signal_whatever_its_clients_do(start_server: StartServer, number: int) -> None:
    server = start_server()
    idle = server.client()
    idle.execute("SELECT 1")
    half_said_hello = server.socket()
    half_said_hello.sendall(b"\x00")

    def compute() -> None:
        with server.client() as busy, suppress(EOFError, OSError, ServerException):
            busy.execute("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1")

    thread = threading.Thread(target=compute)
    thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    assert server.stop(number) == 0
    assert time.monotonic() - began < 4
    thread.join()
    idle.disconnect()
    half_said_hello.close()
    assert "Traceback" not in server.log()


def test_what_was_acknowledged_survives_kill_9(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        client.execute("CREATE TABLE kept (n UInt32) ENGINE = MergeTree ORDER BY n")
        for number in range(20):
            client.execute("INSERT INTO kept VALUES", [(number,)] * 1000)
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    again = start_server(port=server.port)
    with again.client() as client:
        assert client.execute("SELECT count(), sum(n) FROM kept") == [(20_000, 190_000)]
        assert client.execute("SHOW TABLES") == [("kept",)]
    assert not [path for path in server.folder.iterdir() if path.is_file() and path.name.startswith("tmp")]


def test_it_listens_on_loopback_alone(start_server: StartServer) -> None:
    server = start_server()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing, but chooses this machine's own address
        own_address = probe.getsockname()[0]
    if own_address.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((own_address, server.port), timeout=5)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devstack.clickhouse", *arguments]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--data", str(tmp_path / "data"), "--port", str(port))
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [f"clickhouse: cannot listen on 127.0.0.1:{port}: Address already in use"]


def test_a_folder_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run("--data", str(tmp_path / "file"), "--port", "0")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [f"clickhouse: cannot use the data folder {tmp_path / 'file'}: File exists"]


def test_a_folder_in_use_is_one_clear_line(start_server: StartServer) -> None:
    server = start_server()
    ended = run("--data", str(server.folder), "--port", "0")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [f"clickhouse: the data folder {server.folder} is in use by another process"]
    with server.client() as client:
        assert client.execute("SELECT 1") == [(1,)]


def test_a_folder_with_spaces_and_quotes_in_its_name_is_served(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(folder=tmp_path / "it's a [folder] & 50% *")
    with server.client() as client:
        client.execute("CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n")
        assert client.execute("INSERT INTO t VALUES", [(1,)]) == 1
        assert client.execute("SELECT * FROM t") == [(1,)]
    assert server.stop() == 0
