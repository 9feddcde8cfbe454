"""What a flood of logins costs those who are logged in: `make bench b=logins`.

Starts the real server (Uvicorn, one process) on a database of its own, keeps 50 clients logging in all the time, and
asks for GET /api/users/me/ meanwhile, fifty times a second. Clients, prober, server and PostgreSQL share the machine.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

CLIENTS = int(os.environ.get("BENCH_CLIENTS", "50"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
PAUSE = 0.02
PASSWORD = "a long way down"
SOURCE = Path(__file__).resolve().parents[1] / "src"
JSON = {"Content-Type": "application/json"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def call(connection: HTTPConnection, method: str, path: str, body: object = None, token: str = "") -> tuple[int, bytes]:
    headers = {**JSON, **({"Authorization": f"Bearer {token}"} if token else {})}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    return response.status, response.read()


def probe(port: int, token: str, seconds: float) -> list[float]:
    """The waits for GET /api/users/me/, in milliseconds."""
    connection, waits, end = HTTPConnection("127.0.0.1", port, timeout=30), [], time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        status, _ = call(connection, "GET", "/api/users/me/", token=token)
        waits.append((time.perf_counter() - started) * 1000)
        assert status == 200, status
        time.sleep(PAUSE)
    return waits


async def flood(port: int, emails: list[str], seconds: float) -> tuple[Counter[int], list[float]]:
    """Log in over and over, one connection a client; the answers by status, and the waits."""
    answers: Counter[int] = Counter()
    waits: list[float] = []
    end = time.monotonic() + seconds

    async def one(email: str) -> None:
        body = json.dumps({"email": email, "password": PASSWORD}).encode()
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


def flooded(port: int, emails: list[str], seconds: float) -> tuple[Counter[int], list[float]]:
    return asyncio.run(flood(port, emails, seconds))


def memory(pid: int, field: str) -> float:
    """MiB, from the kernel's accounts."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def show(name: str, waits: list[float]) -> None:
    cuts = statistics.quantiles(waits, n=1000)
    print(
        f"{name:<34} {len(waits):6} answers  p50 {cuts[499]:7.1f} ms  p99 {cuts[989]:7.1f} ms  max {max(waits):7.1f} ms"
    )


def measure(port: int, pid: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    emails = [f"person{number}@example.com" for number in range(CLIENTS)]
    for email in emails:
        status, body = call(connection, "POST", "/api/users/", {"email": email, "password": PASSWORD})
        assert status == 201, body
    token = json.loads(call(connection, "POST", "/api/auth/login/", {"email": emails[0], "password": PASSWORD})[1])
    with ProcessPoolExecutor(2) as workers:
        show("GET me, nobody logs in", workers.submit(probe, port, token["token"], 5).result())
        before = memory(pid, "VmRSS")
        flooding = workers.submit(flooded, port, emails, SECONDS)
        time.sleep(1)
        show(f"GET me, {CLIENTS} clients log in", workers.submit(probe, port, token["token"], SECONDS - 2).result())
        answers, waits = flooding.result()
    show("POST login", waits)
    print(f"logins: {dict(answers)}, {sum(answers.values()) / SECONDS:.1f} a second")
    print(f"memory of the server: {before:.0f} MiB before, {memory(pid, 'VmHWM'):.0f} MiB at most")


def main() -> None:
    name, port = f"bench_{uuid4().hex[:12]}", free_port()
    url = os.environ["DATABASE_URL"]
    environment = {
        **os.environ, "DATABASE_URL": urlsplit(url)._replace(path=f"/{name}").geturl(), "PYTHONPATH": str(SOURCE),
        "THROTTLES": "false", "HTTPS_ONLY": "false", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    with psycopg.connect(url, autocommit=True) as postgres:
        postgres.execute(f"CREATE DATABASE {name}")
        try:
            subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=SOURCE, env=environment, check=True)
            command = [sys.executable, "-m", "uvicorn", "core.asgi:application", "--port", str(port)]
            server = subprocess.Popen(
                [*command, "--log-level", "warning", "--no-access-log"], cwd=SOURCE, env=environment
            )
            try:
                wait_for(port)
                measure(port, server.pid)
            finally:
                server.terminate()
                server.wait(timeout=30)
        finally:
            postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            assert call(HTTPConnection("127.0.0.1", port, timeout=5), "GET", "/livez")[0] == 200
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
