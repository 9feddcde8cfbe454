"""The terminal, or whatever else is at the end of our output: whether there is one, and whether it is still there."""

import asyncio
import os
import select
from typing import TextIO

_EVERY = 0.5


def has_terminal() -> bool:
    """Whether this session has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def in_foreground() -> bool:
    """Whether what is typed on the terminal, Ctrl-C among it, reaches our process group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


async def reader_gone(stream: TextIO) -> None:
    """Return when nobody can read the stream any more: its terminal or pipe was closed at the other end.

    The kernel tells only the session's leader, which may be a make that waits for us; and we may have nothing to print.
    """
    poll = select.poll()
    poll.register(stream.fileno(), 0)
    hung_up = select.POLLHUP | select.POLLERR
    while not any(event & hung_up for _, event in poll.poll(0)):  # noqa: ASYNC110 - the kernel sets no asyncio.Event
        await asyncio.sleep(_EVERY)
