"""The processes that chaos kills: Celery worker and beat as in production, and light writers, sealers and relays."""

import contextlib
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack.children import dies_with_launcher
from devstack.folder import SOURCE
from tests.chaos.engine import descendants

LIGHT = {"writer": 3, "sealer": 2, "relay": 3}
CELERY = {
    "worker": ["worker", "--concurrency", "2", "--without-mingle", "--without-gossip"],
    "beat": ["beat", "--schedule", "{folder}/beat"],
}


class Crowd:
    """Keeps everybody alive. A process is known by its role and a number, e.g. relay 2."""

    def __init__(self, *, folder: Path, environment: Mapping[str, str], seed: int) -> None:
        self._folder, self._environment, self._seed = folder, environment, seed
        self._celery: dict[str, subprocess.Popen[bytes]] = {}
        self._light: dict[tuple[str, int], multiprocessing.process.BaseProcess] = {}
        self._wanted = dict(LIGHT)
        self._paused: list[tuple[float, int]] = []
        self._forkserver = multiprocessing.get_context("forkserver")
        self._forkserver.set_forkserver_preload(["tests.chaos.work"])

    def tend(self) -> None:
        """Start whoever is missing, and wake whoever has slept long enough."""
        now = time.monotonic()
        for due, pid in [each for each in self._paused if each[0] <= now]:
            self._paused.remove((due, pid))
            _send(pid, signal.SIGCONT)
        for name in CELERY:
            if name not in self._celery or self._celery[name].poll() is not None:
                self._start_celery(name)
        for role, count in self._wanted.items():
            for number in range(count):
                process = self._light.get((role, number))
                if process is None or not process.is_alive():
                    self._fork(role, number)

    def pids(self, role: str) -> list[int]:
        """The processes of a role: writer, sealer, relay, worker, beat, or child (of the Celery worker)."""
        if role == "child":
            return [child for pid in self.pids("worker") for child in descendants(pid)]
        if role in CELERY:
            process = self._celery.get(role)
            return [process.pid] if process and process.poll() is None else []
        return [
            process.pid
            for (its, _), process in self._light.items()
            if its == role and process.is_alive() and process.pid
        ]

    def kill(self, pid: int) -> None:
        """SIGKILL; a Celery worker's children, too, for they would go on without it."""
        for each in (pid, *descendants(pid)):
            _send(each, signal.SIGKILL)

    def pause(self, pid: int, *, seconds: float) -> None:
        """SIGSTOP now, SIGCONT after the time."""
        _send(pid, signal.SIGSTOP)
        self._paused.append((time.monotonic() + seconds, pid))

    def owner(self, port: int) -> int | None:
        """The relay, or Celery's child, that has a connection from this local port."""
        inodes = set(_sockets_of(port))
        for pid in (*self.pids("relay"), *self.pids("child")):
            with contextlib.suppress(OSError):
                for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        if str(descriptor.readlink()) in inodes:
                            return pid
        return None

    def calm_down(self) -> None:
        """Wake everybody, and let the writers finish their transactions."""
        for _due, pid in self._paused:
            _send(pid, signal.SIGCONT)
        self._paused.clear()
        self._wanted["writer"] = 0
        for pid in self.pids("writer"):
            _send(pid, signal.SIGTERM)
        for (role, _), process in self._light.items():
            if role == "writer":
                process.join(timeout=10)

    def close(self) -> None:
        for role in (*LIGHT, "worker", "beat"):
            for pid in self.pids(role):
                self.kill(pid)
        for celery in self._celery.values():
            celery.wait(timeout=10)
        for light in self._light.values():
            light.join(timeout=10)

    def _fork(self, role: str, number: int) -> None:
        self._seed += 1
        process = self._forkserver.Process(target=_become, args=(role, number, self._seed, self._folder), daemon=True)
        process.start()
        self._light[role, number] = process

    def _start_celery(self, name: str) -> None:
        arguments = [part.format(folder=self._folder) for part in CELERY[name]]
        with (self._folder / f"{name}.log").open("ab") as log:
            self._celery[name] = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "core", *arguments], cwd=SOURCE,
                env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                preexec_fn=dies_with_launcher(with_signal=signal.SIGKILL),  # noqa: PLW1509 -- it takes no lock
            )  # fmt: skip


def _become(role: str, number: int, seed: int, folder: Path) -> None:
    log = os.open(folder / f"{role}-{number}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    options = {"log": folder / f"{number}.marks"} if role == "writer" else {}
    getattr(importlib.import_module("tests.chaos.work"), role)(seed, **options)


def _sockets_of(port: int) -> Iterator[str]:
    """The sockets whose local port this is, as /proc/PID/fd shows them."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].partition(":")[2], 16) == port:
            yield f"socket:[{fields[9]}]"


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
