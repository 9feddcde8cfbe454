"""What a flood of logins costs those who are logged in: GET /api/users/me/ fifty times a second, meanwhile and before.

The real server (Uvicorn, one process); fifty clients log in, each again as soon as it is answered. They, the prober,
the server and PostgreSQL share the machine's cores.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles

from bench.findings import Result

CLIENTS = int(os.environ.get("BENCH_CLIENTS", "50"))
SECONDS = float(os.environ.get("BENCH_LOGIN_SECONDS", "20"))
_PAUSE = 0.02
_PASSWORD = "a long way down"
_SOURCE = Path(__file__).resolve().parents[1] / "src"


def measure() -> Iterator[Result]:
    port = _free_port()
    with _server(port) as pid, ProcessPoolExecutor(2) as processes:
        emails = [f"person{number}@example.com" for number in range(CLIENTS)]
        tokens = [_token(port, email) for email in emails]
        _probe(port, tokens[0], 1)
        alone = processes.submit(_probe, port, tokens[0], 5).result()
        before = _memory(pid, "VmRSS")
        flooding = processes.submit(_flooded, port, emails, SECONDS)
        time.sleep(1)
        meanwhile = processes.submit(_probe, port, tokens[0], SECONDS - 2).result()
        answers, waits = flooding.result()
        most = _memory(pid, "VmHWM")
    yield Result(what="GET me, p99, nobody logs in", measured=_p99(alone), compared=f"p50 {_cut(alone, 50)}")
    yield Result(
        what=f"GET me, p99, while {CLIENTS} clients log in", measured=_p99(meanwhile),
        compared=f"p50 {_cut(meanwhile, 50)}, worst {max(meanwhile):.0f} ms of {len(meanwhile)}",
    )  # fmt: skip
    yield Result(
        what="logins meanwhile", measured=f"{sum(answers.values()) / SECONDS:.0f} a second",
        compared=f"{dict(answers)}, p50 {_cut(waits, 50)}, p99 {_p99(waits)}",
    )  # fmt: skip
    yield Result(what="memory of the server, at most", measured=f"{most:.0f} MiB", compared=f"{before:.0f} before")


@contextmanager
def _server(port: int) -> Iterator[int]:
    """The server's process id, while it serves."""
    environment = {**os.environ, "PYTHONPATH": str(_SOURCE), "THROTTLES": "false", "HTTPS_ONLY": "false"}
    command = [sys.executable, "-m", "uvicorn", "core.asgi:application", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen([*command, "--no-access-log"], cwd=_SOURCE, env=environment) as server:
        try:
            _wait_for(port)
            yield server.pid
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _call(
    connection: HTTPConnection, method: str, path: str, body: object = None, token: str = ""
) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    return response.status, response.read()


def _probe(port: int, token: str, seconds: float) -> list[float]:
    """The waits for GET /api/users/me/, in milliseconds."""
    connection, waits, end = HTTPConnection("127.0.0.1", port, timeout=30), [], time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        status, _ = _call(connection, "GET", "/api/users/me/", token=token)
        waits.append((time.perf_counter() - started) * 1000)
        assert status == 200, status
        time.sleep(_PAUSE)
    return waits


async def _flood(port: int, emails: list[str], seconds: float) -> tuple[Counter[int], list[float]]:
    """Log in over and over, one connection a client; the answers by status, and the waits."""
    answers: Counter[int] = Counter()
    waits: list[float] = []
    end = time.monotonic() + seconds

    async def one(email: str) -> None:
        body = json.dumps({"email": email, "password": _PASSWORD}).encode()
        head = f"POST /api/auth/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        request = head.encode() + b"Content-Type: application/json\r\n\r\n" + body
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < end:
            started = time.perf_counter()
            writer.write(request)
            headers = await reader.readuntil(b"\r\n\r\n")
            length = int(headers.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            waits.append((time.perf_counter() - started) * 1000)
            answers[int(headers.split(b" ", 2)[1])] += 1
        writer.close()

    await asyncio.gather(*(one(email) for email in emails))
    return answers, waits


def _flooded(port: int, emails: list[str], seconds: float) -> tuple[Counter[int], list[float]]:
    return asyncio.run(_flood(port, emails, seconds))


def _memory(pid: int, field: str) -> float:
    """MiB, from the kernel's accounts."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def _token(port: int, email: str) -> str:
    """Make the account and log in."""
    connection, login = HTTPConnection("127.0.0.1", port, timeout=30), {"email": email, "password": _PASSWORD}
    status, body = _call(connection, "POST", "/api/users/", login)
    assert status == 201, body
    return str(json.loads(_call(connection, "POST", "/api/auth/login/", login)[1])["token"])


def _cut(waits: list[float], percent: int) -> str:
    return f"{quantiles(waits, n=100)[percent - 1]:.0f} ms"


def _p99(waits: list[float]) -> str:
    return _cut(waits, 99)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            assert _call(HTTPConnection("127.0.0.1", port, timeout=5), "GET", "/livez")[0] == 200
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return
