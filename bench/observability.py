"""What it costs to watch: POST /api/users/ with everything on, each vendor alone, all off, and without the seam.

One web server for each, all running. Small blocks of registrations go to them in turn, each round beginning with
another, so that what else the machine does meets all alike; each is held against its neighbour of the same round. A
server's processor time for a request is the steadier figure; its throughput is what people ask for.
"""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from bench.findings import Result

_ROOT = Path(__file__).resolve().parent.parent
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "16"))
REQUESTS = 20
CLIENTS = 4
WITHOUT, OFF = "without the seam, no access line", "switched off (one access line)"
METRICS, TRACES, SENTRY, ON = "Prometheus alone", "OpenTelemetry alone", "Sentry alone", "everything on, 100 %"
# What the machine's own environment says of these must not reach the servers that are to be without.
_WATCHING = re.compile(r"(SENTRY|OTEL|PROMETHEUS|METRICS)_")


def measure() -> Iterator[Result]:
    with ExitStack() as stack:
        sink = stack.enter_context(_process("-m", "bench.sink", "{port}"))
        folder = stack.enter_context(TemporaryDirectory())
        traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.port}"}
        sentry = {
            "SENTRY_CONFIG_DSN": f"http://key@127.0.0.1:{sink.port}/1", "SENTRY_CONFIG_TRACES_SAMPLE_RATE": "1",
        }  # fmt: skip
        switched: dict[str, Mapping[str, str]] = {
            OFF: {},
            METRICS: {"PROMETHEUS_MULTIPROC_DIR": f"{folder}/alone"},
            TRACES: traces,
            SENTRY: sentry,
            ON: {"PROMETHEUS_MULTIPROC_DIR": f"{folder}/all", **traces, **sentry},
        }
        serve = ("-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "--ws", "none")
        servers = {WITHOUT: stack.enter_context(_process(*serve, "bench.without_seam:application"))}
        for name, environment in switched.items():
            servers[name] = stack.enter_context(_process(*serve, "core.asgi:application", **environment))
        yield from _compare(servers)


def _compare(servers: dict[str, "_Server"]) -> Iterator[Result]:
    for server in servers.values():
        server.serve(REQUESTS)
    names = list(servers)
    rates: dict[str, list[float]] = {name: [] for name in names}
    costs: dict[str, list[float]] = {name: [] for name in names}
    for number in range(ROUNDS):
        first = number % len(names)
        in_turn = names[first:] + names[:first]
        for name in in_turn if number % 2 else reversed(in_turn):
            rate, cost = servers[name].serve(REQUESTS)
            rates[name].append(rate)
            costs[name].append(cost)
    for name in names:
        yield Result(
            what=f"POST /api/users/, {name}",
            measured=f"{statistics.median(rates[name]):.1f} requests/s",
            compared=f"{statistics.median(costs[name]):.2f} ms of processor time each",
        )
    for name in names[1:]:
        against = WITHOUT if name == OFF else OFF
        yield Result(
            what=f"{name}, against {against}",
            measured=f"{_change(rates[name], rates[against])} throughput",
            compared=f"{_change(costs[name], costs[against])} processor time",
        )


def _change(these: list[float], those: list[float]) -> str:
    """The median change in percent, each figure against its round's other one; and between what half of them lie."""
    changes = [100 * (this / that - 1) for this, that in zip(these, those, strict=True)]
    if len(changes) == 1:
        return f"{changes[0]:+.1f} %"
    low, middle, high = statistics.quantiles(changes, n=4)
    return f"{middle:+.1f} % ({low:+.1f} to {high:+.1f})"


class _Server:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        import httpx

        self.process, self.port = process, port
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def serve(self, requests: int) -> tuple[float, float]:
        """Have people registered; requests a second, and milliseconds of processor time a request."""
        used, started = self._processor_seconds(), time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(self._register, range(requests)))
        seconds, spent = time.perf_counter() - started, self._processor_seconds() - used
        return requests / seconds, 1000 * spent / requests

    def _register(self, _: int) -> None:
        person = {"email": f"{uuid4().hex}@example.com", "password": "a long way down"}
        answer = self._http.post("/api/users/", json=person)
        assert answer.is_success, answer.text

    def _processor_seconds(self) -> float:
        """Of all the process's threads, to the nanosecond: the number that Linux gives its clock."""
        return time.clock_gettime(~self.process.pid << 3 | 2)


@contextmanager
def _process(*arguments: str, **environment: str) -> Iterator[_Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    usual = {
        "LOG_LEVEL": "INFO", "LOG_FORMAT": "json", "PYTHONPATH": f"{_ROOT}:{_ROOT / 'src'}", "THROTTLES": "false",
        "HTTPS_ONLY": "false",
    }  # fmt: skip
    inherited = {name: value for name, value in os.environ.items() if not _WATCHING.match(name)}
    process = subprocess.Popen(
        [sys.executable, *(part.format(port=port) for part in arguments)], cwd=_ROOT / "src",
        env={**inherited, **usual, **environment}, stdout=subprocess.DEVNULL,
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
