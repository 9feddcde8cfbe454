"""What it costs to watch: POST /api/users/ with everything switched on, switched off, and without the seam at all.

One web server for each, all running; rounds of registrations go to them in turn, so that what else the machine does
meets all alike. A server's processor time for a request is the steadier figure; its throughput is what people ask for.
"""

import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from bench.ground import Result

_ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "25"))
REQUESTS = 40
CLIENTS = 4
WITHOUT, OFF, ON = "without the seam, no access line", "switched off (one access line)", "everything on, 100 %"


def measure() -> Iterator[Result]:
    with ExitStack() as stack:
        sink = stack.enter_context(_process("-m", "bench.sink", "{port}"))
        reporting = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.port}",
            "SENTRY_CONFIG_DSN": f"http://key@127.0.0.1:{sink.port}/1",
            "SENTRY_CONFIG_TRACES_SAMPLE_RATE": "1",
        }
        serve = ("-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "--ws", "none")
        servers = {
            WITHOUT: stack.enter_context(_process(*serve, "bench.without_seam:application")),
            OFF: stack.enter_context(_process(*serve, "core.asgi:application")),
            ON: stack.enter_context(_process(*serve, "core.asgi:application", **reporting)),
        }
        yield from _compare(servers)


def _compare(servers: dict[str, "_Server"]) -> Iterator[Result]:
    for server in servers.values():
        server.serve(REQUESTS)
    rates: dict[str, list[float]] = {name: [] for name in servers}
    costs: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name in random.sample(list(servers), len(servers)):
            rate, cost = servers[name].serve(REQUESTS)
            rates[name].append(rate)
            costs[name].append(cost)
    for name in servers:
        yield Result(
            what=f"POST /api/users/, {name}",
            measured=f"{statistics.median(rates[name]):.1f} requests/s",
            compared=f"{statistics.median(costs[name]):.2f} ms of processor time each",
        )
    for name, against in ((OFF, WITHOUT), (ON, OFF)):
        yield Result(
            what=f"{name}, against {against}",
            measured=f"{_change(rates[name], rates[against]):+.1f} % throughput",
            compared=f"{_change(costs[name], costs[against]):+.1f} % processor time",
        )


def _change(these: list[float], those: list[float]) -> float:
    """The median change in percent, each round's figure against its neighbour of the same round."""
    return 100 * (statistics.median(this / that for this, that in zip(these, those, strict=True)) - 1)


class _Server:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def serve(self, requests: int) -> tuple[float, float]:
        """Have people registered; requests a second, and milliseconds of processor time a request."""
        used, started = self._processor_seconds(), time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(self._register, range(requests)))
        seconds, spent = time.perf_counter() - started, self._processor_seconds() - used
        return requests / seconds, 1000 * spent / requests

    def _register(self, _: int) -> None:
        import httpx

        answer = httpx.post(
            f"http://127.0.0.1:{self.port}/api/users/",
            json={"email": f"{uuid4().hex}@example.com", "password": "a long way down"},
            timeout=30,
        )
        assert answer.status_code == httpx.codes.CREATED, answer.text

    def _processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def _process(*arguments: str, **environment: str) -> Iterator[_Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    usual = {
        "LOG_LEVEL": "INFO", "LOG_FORMAT": "json", "PYTHONPATH": f"{_ROOT}:{_ROOT / 'src'}", "THROTTLES": "false",
        "HTTPS_ONLY": "false",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, *(part.format(port=port) for part in arguments)], cwd=_ROOT / "src",
        env={**os.environ, **usual, **environment}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _await(port, process)
        yield _Server(process, port)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(port)
