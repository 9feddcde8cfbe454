"""PgBouncer in front of the tests' PostgreSQL, with the settings that production is told to use."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port

POOLING = Path(__file__).parents[4] / "docker" / "pgbouncer" / "pooling.ini"
PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


@contextmanager
def pgbouncer(*, server: dict[str, Any], server_connections: int) -> Iterator[int]:
    """The port of a PgBouncer that has no more than so many connections to the server."""
    with tempfile.TemporaryDirectory(prefix="die-hard-pgbouncer-") as name:
        folder = Path(name)
        log = folder / "log"
        port = free_port()
        (folder / "pgbouncer.ini").write_text(_configured(server, port=port, server_connections=server_connections))
        # It refuses to run as root, and gives root up only once it has read its file.
        as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
        with log.open("wb") as said:
            process = subprocess.Popen(
                [PROGRAM, *as_nobody, str(folder / "pgbouncer.ini")], stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        try:
            _wait_for(port, process=process, log=log)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def _configured(server: dict[str, Any], *, port: int, server_connections: int) -> str:
    whom = f"host={server['host']} port={server['port']} user={server['user']} password={server['password'] or ''}"
    return "\n".join(
        [
            "[databases]",
            f"* = {whom}",
            "[pgbouncer]",
            f"%include {POOLING}",
            "listen_addr = 127.0.0.1",
            f"listen_port = {port}",
            "unix_socket_dir =",
            "auth_type = any",  # whoever reaches this port of the tests' loopback is let in
            f"default_pool_size = {server_connections}",
            "reserve_pool_size = 0",
            "",
        ]
    )


def _wait_for(port: int, *, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
