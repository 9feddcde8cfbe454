"""What is heard of a child: the lines it prints, and its end."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

_LONGEST_LINE = 2**16
_TAIL = 10


class Conversation(asyncio.SubprocessProtocol):
    """Hands over each line as text. `ended`: the process is gone; `over`: nobody can print any more.

    `announced`: a line held the words by which the program says that it is ready (at once if there are none).
    asyncio's own Process.wait() waits for both, so a grandchild that kept the pipe would hide the end of its parent.
    """

    def __init__(self, printed: Callable[[str], None], *, announcement: str = "") -> None:
        self.announced = not announcement
        self.ended = asyncio.Event()
        self.over = asyncio.Event()
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self._printed = printed
        self._announcement = announcement
        self._rest = b""

    async def heard_out(self) -> None:
        """Wait until it is gone and, within reason, everything it printed was handed over."""
        await self.ended.wait()
        with contextlib.suppress(TimeoutError):  # a grandchild may hold the pipe open for ever
            await asyncio.wait_for(self.over.wait(), 1)

    def pipe_data_received(self, _fd: int, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._hand_over(line)

    def pipe_connection_lost(self, _fd: int, _error: Exception | None) -> None:
        if self._rest:
            self._hand_over(self._rest)
            self._rest = b""
        self.over.set()

    def process_exited(self) -> None:
        self.ended.set()

    def _hand_over(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self.announced = self.announced or self._announcement in text
        self.tail.append(text)
        self._printed(text)
