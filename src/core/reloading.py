"""The outer process of `runserver`, which starts the server anew whenever the code changes.

Imports no Django, so that it is there at once (see manage.py).
"""

import os
import signal
import subprocess
import sys
from types import FrameType

# Django's autoreloader knows the inner process by this variable and ends it with this code to have it started again.
INNER = "RUN_MAIN"
AGAIN = 3
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def is_inner() -> bool:
    """Whether this process is the one that serves."""
    return os.environ.get(INNER) == "true"


def supervise() -> int:
    """Run this very command as a child, again and again, until it stops or we are told to; returns its exit code."""
    outer = _Outer()
    for each in STOP_SIGNALS:
        signal.signal(each, outer.stop)
    return outer.run()


class _Outer:
    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._told_to_stop = False

    def run(self) -> int:
        while (code := self._run_once()) == AGAIN:
            pass
        return code

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._told_to_stop = True
        self._pass_on()

    def _run_once(self) -> int:
        self._child = _start_inner()
        self._pass_on()  # it may have been said while the child was being started
        code = self._child.wait()
        if self._told_to_stop:
            return 0
        return code if code >= 0 else 128 - code  # as a shell has it: 128+n when signal n ended it

    def _pass_on(self) -> None:
        if self._told_to_stop and self._child is not None:
            self._child.terminate()


def _start_inner() -> subprocess.Popen[bytes]:
    command = [sys.executable, *(f"-W{option}" for option in sys.warnoptions), *sys.argv]
    return subprocess.Popen(command, env={**os.environ, INNER: "true"}, close_fds=False)  # noqa: S603 -- our own command
