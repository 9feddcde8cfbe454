"""A launcher under test: started as a developer starts it, and looked at from outside."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devstack import ports
from devstack.folder import SOURCE
from tests.ports import free_ports

# What the stack that these tests run on has told us, and what would tell ours not to start.
_GIVEN = ("DATABASE_URL", "REDIS_URL", "CLICKHOUSE_", "DEBUG", "ENVIRONMENT", "SECRET_KEY", "ALLOWED_HOSTS", "LOG_")
# Opens the terminal as a login would: its session's own, on all three streams.
_ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
# `exec` with one quick engine: the others are "given".
ONE_ENGINE = {"DATABASE_URL": "postgres://given", "CLICKHOUSE_HOST": "given"}


def eventually(true: Callable[[], object], *, within: float = 20.0, otherwise: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.02)


def processes_of(folder: Path) -> dict[int, str]:
    """Every living process that names the folder: in its environment, its command line, or where it stands."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes()
                traces = command + (entry / "environ").read_bytes() + os.fsencode((entry / "cwd").readlink())
                if os.fsencode(folder) in traces:
                    found[int(entry.name)] = command.replace(b"\0", b" ").decode()
    return found


class Launched:
    """`python -m devstack …` with a folder, ports and a temporary directory of its own."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        terminal: bool = True,
        through: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.said = ""
        self._terminal, theirs = pty.openpty()
        os.set_blocking(self._terminal, False)
        # Without a terminal it still writes to one, so that its output is read the same way, but has no part in it.
        login = [sys.executable, "-c", _ON_TERMINAL] if terminal else []
        self.process = subprocess.Popen(
            [*login, *through, sys.executable, "-m", "devstack", *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=environment_for(folder, environment),
        )  # fmt: skip
        os.close(theirs)

    def read(self) -> str:
        """All that it has said until now."""
        with contextlib.suppress(BlockingIOError, OSError):
            while chunk := os.read(self._terminal, 65536):
                self.said += chunk.decode(errors="replace")
        return self.said

    def await_words(self, *words: str) -> None:
        eventually(
            lambda: all(word in self.read() for word in words),
            within=60,
            otherwise=lambda: f"{words} not in: {self.said}",
        )

    def press_ctrl_c(self) -> None:
        os.write(self._terminal, b"\x03")

    def close_terminal(self) -> None:
        os.close(self._terminal)
        self._terminal = -1

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for its end; the code."""
        eventually(lambda: (self.read(), self.process.poll())[1] is not None, within=30, otherwise=lambda: self.said)
        return int(self.process.returncode)

    def leaves_nothing(self) -> None:
        eventually(lambda: not processes_of(self.folder), within=15, otherwise=lambda: str(processes_of(self.folder)))

    def close(self) -> None:
        """For a test that failed half-way."""
        for pid in [self.process.pid, *processes_of(self.folder)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        if self._terminal >= 0:
            self.close_terminal()


def environment_for(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our own without the stack that these tests run on, and with free ports."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(_GIVEN)}
    chosen = free_ports([*ports.ENGINE_PORTS, *ports.WEB_PORT])
    return {
        **own,
        **{name: str(port) for name, port in chosen.items()},
        "DEVSTACK_DIR": str(folder / "stack"),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(SOURCE),
        **(more or {}),
    }


def said_by(*arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run the launcher to its end: exit code, standard output, standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "devstack", *arguments], capture_output=True, text=True, timeout=60, check=False,
        env=environment_for(folder, environment), stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def press_ctrl_c(launched: Launched) -> None:
    launched.press_ctrl_c()


def close_the_terminal(launched: Launched) -> None:
    launched.close_terminal()


def send_sigterm(launched: Launched) -> None:
    launched.send(signal.SIGTERM)


def send_sighup(launched: Launched) -> None:
    launched.send(signal.SIGHUP)


type Start = Callable[..., Launched]
