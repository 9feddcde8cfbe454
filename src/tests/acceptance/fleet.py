"""Two of each process as a deployment has them, web servers behind a balancer, to be restarted one after the other."""

import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx

from tests.acceptance.conftest import COMMANDS, Application, eventually
from tests.acceptance.gate import Gate
from tests.plain_http import PLAIN
from tests.ports import free_port

CLIENTS = 4
# Registrations a second of all clients together: each costs a password hash, 25 ms of a core.
RATE = 3.0
ONE_REQUEST_A_CONNECTION = httpx.Limits(max_keepalive_connections=0)


class Balancer(Gate):
    """A load balancer: each connection goes to the next server in rotation that takes it."""

    def __init__(self, *, ports: Iterable[int]) -> None:
        self._rotation = deque(ports)
        super().__init__(host="127.0.0.1", port=0)

    def take_out(self, port: int) -> None:
        """Send it nothing new; what is under way goes on."""
        self._rotation.remove(port)

    def put_in(self, port: int) -> None:
        self._rotation.append(port)

    def _reach(self) -> socket.socket:
        self._rotation.rotate(-1)
        for port in list(self._rotation):
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=3)
            except ConnectionRefusedError:
                continue
        raise ConnectionRefusedError("no web server is in rotation")


class Fleet(Application):
    """Two web servers behind a balancer, two workers, beat. Each has a sign of life of its own, as in a container."""

    def __init__(self, *, folder: Path, environment: dict[str, str]) -> None:
        super().__init__(folder=folder, environment=environment)
        self.ports = {"web-1": free_port(), "web-2": free_port()}
        self.balancer = Balancer(ports=self.ports.values())
        self.port = self.balancer.port
        self.http.close()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)

    def start(self, *names: str) -> None:
        """Start them and wait until their health checks say that they work."""
        began = time.time()
        for name in names:
            kind, _, number = name.partition("-")
            command = [part.format(port=self.ports.get(name), folder=self.folder) for part in COMMANDS[kind]]
            more = {"web": ["--timeout-graceful-shutdown", "25"], "worker": ["-n", f"worker-{number}@%h"], "beat": []}
            self.launch(name, [*command, *more[kind]], HEARTBEAT_DIR=str(self.folder / "alive" / name))
        for name in names:
            eventually(partial(self.is_ready, name, since=began), within=90)

    def is_ready(self, name: str, *, since: float) -> bool:
        """What the deployment's health checks ask: /readyz of a web server, a fresh sign of life of the others."""
        assert self.processes[name].poll() is None, self.log(name)
        if name in self.ports:
            try:
                return PLAIN.get(f"http://127.0.0.1:{self.ports[name]}/readyz").is_success
            except httpx.TransportError:
                return False
        sign = self.folder / "alive" / name / name.partition("-")[0]
        return sign.exists() and sign.stat().st_mtime > since

    def stop(self, name: str) -> int:
        """Ask the process itself, as Docker and Kubernetes do, to stop; returns its exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=40)

    def restart(self, name: str) -> int:
        """Out of rotation, stopped, started, ready, into rotation; returns the exit code."""
        if name in self.ports:
            self.balancer.take_out(self.ports[name])
        code = self.stop(name)
        self.start(name)
        if name in self.ports:
            self.balancer.put_in(self.ports[name])
        return code

    def close(self) -> None:
        super().close()
        self.balancer.close()


@dataclass(slots=True)
class Load:
    """What the clients have seen: who was registered, and every answer that was no 201."""

    registered: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@contextmanager
def steady_registrations(port: int) -> Iterator[Load]:
    """People register at a steady rate while the block runs, each over a connection of its own."""
    load, over = Load(), threading.Event()

    def client(number: int) -> None:
        over.wait(number / RATE)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, limits=ONE_REQUEST_A_CONNECTION) as http:
            while not over.is_set():
                due = time.monotonic() + CLIENTS / RATE
                _register(http, load)
                over.wait(max(0.0, due - time.monotonic()))

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    try:
        yield load
    finally:
        over.set()
        for each in clients:
            each.join(timeout=30)


def _register(http: httpx.Client, load: Load) -> None:
    email = f"ada.{uuid4().hex}@example.com"
    try:
        response = http.post("/api/users/", json={"email": email, "password": "a long way down"})
    except httpx.TransportError as error:
        load.failures.append(repr(error))
        return
    if response.status_code == httpx.codes.CREATED:
        load.registered.append(email)
    else:
        load.failures.append(f"{response.status_code} {response.text}")
