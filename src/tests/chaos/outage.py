"""ClickHouse is down under load: does a request notice, and does everything arrive? `make outage seconds=600`.

The last line is `outage N s: failed N, lost N, repeated N`; the exit code is 0 if all three are 0 and verify agrees.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import httpx

from devstack.folder import SOURCE
from tests.chaos.evidence import everything_arrived, gather
from tests.chaos.installation import Installation
from tests.plain_http import PLAIN
from tests.ports import free_port

_CLIENTS = 4
# Requests a second of all clients together: a registration costs a password hash, 25 ms of a core.
_RATE = 8.0
_DRAINED_WITHIN = 180.0
_COMMANDS = {
    "web": ["-m", "uvicorn", "core.asgi:application", "--port", "{port}", "--log-level", "warning", "--ws", "none"],
    "worker": ["-m", "celery", "-A", "core", "worker", "--concurrency", "2", "--without-mingle", "--without-gossip"],
    "beat": ["-m", "celery", "-A", "core", "beat", "--schedule", "{folder}/beat"],
}


@dataclass(slots=True)
class Load:
    """What the clients saw in one phase: seconds of each answer, and what was not a 201."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def line(self, phase: str) -> str:
        cuts = quantiles(self.seconds, n=100) if len(self.seconds) > 1 else [0.0] * 99
        latency = f"p50 {cuts[49] * 1000:,.0f} ms, p99 {cuts[98] * 1000:,.0f} ms"
        return f"{phase:<28} {len(self.seconds):>6} registrations, {len(self.failures)} failed, {latency}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.chaos.outage", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long ClickHouse is down")
    down_for = parser.parse_args().seconds
    folder = Path(tempfile.mkdtemp(prefix="die-hard-outage-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user
    # The outbox's own defaults, as in production.
    with Installation(folder=folder, settings={"LOG_FORMAT": "json", "LOG_LEVEL": "WARNING"}) as installation:
        code = _run(installation, down_for=down_for)
    if code == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        _say(f"data and logs are kept in {folder}")
    return code


def _run(installation: Installation, *, down_for: float) -> int:
    _say(f"ClickHouse goes away for {down_for:.0f} s; data and logs in {installation.folder}", "")
    port = free_port()
    processes = [_start(name, installation, port=port) for name in _COMMANDS]
    try:
        _wait_for(port)
        before = _load(port, seconds=min(down_for, 30.0))
        _say(before.line("ClickHouse up"))
        installation.engines["clickhouse"].kill()
        during = _load(port, seconds=down_for)
        _say(during.line(f"ClickHouse down for {down_for:.0f} s"))
        waiting = _status(installation)
        installation.engines["clickhouse"].start()
        drained = _seconds_until_drained(installation)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=60)
    evidence = gather(installation)
    verified = installation.manage("outbox", "verify", check=False)
    failures = [*before.failures, *during.failures]
    counted = f"failed {len(failures)}, lost {len(evidence.lost)}, repeated {len(evidence.repeated)}"
    _say(
        f"{waiting:,} events waited; {drained:.1f} s after its return all had arrived",
        f"outbox verify: {verified.stdout.strip().splitlines()[-1]}",
        *failures[:5],
        f"outage {down_for:.0f} s: {counted}",
    )
    return 0 if evidence.clean and verified.returncode == 0 and not failures else 1


def _start(name: str, installation: Installation, *, port: int) -> subprocess.Popen[bytes]:
    command = [part.format(port=port, folder=installation.folder) for part in _COMMANDS[name]]
    with (installation.folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *command], cwd=SOURCE, env=installation.environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log,
        )  # fmt: skip


def _load(port: int, *, seconds: float) -> Load:
    """Register people at a steady rate for so long."""
    load, until, lock = Load(), time.monotonic() + seconds, threading.Lock()

    def client(number: int) -> None:
        due = time.monotonic() + number / _RATE
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
            while due < until:
                time.sleep(max(0.0, due - time.monotonic()))
                taken, failure = _register(http)
                with lock:
                    load.seconds.append(taken)
                    load.failures.extend(failure)
                due += _CLIENTS / _RATE

    with ThreadPoolExecutor(_CLIENTS) as clients:
        list(clients.map(client, range(_CLIENTS)))
    return load


def _register(http: httpx.Client) -> tuple[float, Sequence[str]]:
    person = {"email": f"ada.{uuid4().hex}@example.com", "password": "a long way down"}
    started = time.monotonic()
    try:
        response = http.post("/api/users/", json=person)
    except httpx.TransportError as error:
        return time.monotonic() - started, [repr(error)]
    taken = time.monotonic() - started
    return taken, [] if response.status_code == httpx.codes.CREATED else [f"{response.status_code} {response.text}"]


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if PLAIN.get(f"http://127.0.0.1:{port}/livez").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the web server does not answer")


def _status(installation: Installation) -> int:
    return int(json.loads(installation.manage("outbox", "status", "--json").stdout)["pending_events"])


def _seconds_until_drained(installation: Installation) -> float:
    started = time.monotonic()
    while not everything_arrived(installation):
        if time.monotonic() - started > _DRAINED_WITHIN:
            raise TimeoutError("not everything has arrived")
        time.sleep(0.1)
    return time.monotonic() - started


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
