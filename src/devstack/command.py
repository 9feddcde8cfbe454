"""The command of `exec`: it has the terminal, and the signals that are meant for it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from devstack import terminal
from devstack.children import dies_with_launcher
from devstack.errors import DevstackError
from devstack.supervisor import Supervisor

_GRACE = 10.0


class CommandNotFound(DevstackError):
    """The command cannot be run; the message says why."""

    exit_code = 127  # as a shell has it


class Command:
    """A program in the foreground. Ctrl-C is its own business; it ends when it wants to."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.last_signal = int(signal.SIGINT)
        self._argv = argv
        self._process: asyncio.subprocess.Process | None = None
        self._must_end = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        # With a terminal, the command is in our process group as under any shell, so job control works. Without one it
        # gets a group of its own, so that a signal to ours reaches it once: through us.
        self._own_group = not terminal.has_terminal()

    @property
    def started(self) -> bool:
        return self._process is not None

    def listen_to_signals(self, supervisor: Supervisor) -> None:
        """Pass signals on to the command; before it runs, they stop the engines."""
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
            numbers.append(signal.SIGHUP)
            self._watching = asyncio.create_task(self._hear_the_terminal_close(supervisor))
        for number in numbers:
            loop.add_signal_handler(number, self._hear, number, supervisor)

    async def run(self, environment: Mapping[str, str], *, until: asyncio.Event) -> int:
        """Run it to its end, or `until` the engines stop. Exit code, 128+n when signal n ended it."""
        self._process = await self._start(environment)
        ended = asyncio.create_task(self._process.wait())
        stopped = asyncio.create_task(until.wait())
        must_end = asyncio.create_task(self._must_end.wait())
        await asyncio.wait([ended, stopped, must_end], return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            if stopped.done():
                self._send(signal.SIGTERM)
            await asyncio.wait([ended], timeout=_GRACE)
            if not ended.done():
                self._send(signal.SIGKILL)
        stopped.cancel()
        must_end.cancel()
        code = await ended
        return code if code >= 0 else 128 - code

    async def _start(self, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._argv,
                env={**os.environ, **environment},
                process_group=0 if self._own_group else None,
                preexec_fn=dies_with_launcher(with_signal=signal.SIGTERM),
            )
        except OSError as error:
            raise CommandNotFound(f"{self._argv[0]} cannot be run: {error.strerror}") from error

    async def _hear_the_terminal_close(self, supervisor: Supervisor) -> None:
        if sys.stderr.isatty():
            await terminal.reader_gone(sys.stderr)
            self._hear(signal.SIGHUP, supervisor)

    def _hear(self, number: signal.Signals, supervisor: Supervisor) -> None:
        self.last_signal = int(number)
        if self._process is None:
            supervisor.interrupt()
        elif number == signal.SIGINT:
            if self._own_group or not terminal.in_foreground():  # else the terminal has sent it to the command as well
                self._send(number)
        else:
            self._send(number)
            self._must_end.set()

    def _send(self, number: int) -> None:
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            if self._own_group:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)
