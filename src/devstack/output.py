"""What the services print, line by line, each behind its service's name; coloured on a terminal."""

import os
from collections.abc import Callable, Sequence
from typing import TextIO

_COLOURS = (36, 33, 35, 32, 34, 31, 96, 93)
_OWN_COLOUR = 37


def wants_colour(stream: TextIO) -> bool:
    """Whether the stream is a terminal that shows colours and nobody asked for none (NO_COLOR)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Output:
    """Prints prefixed lines; when the reader is gone it says so once and swallows the rest."""

    def __init__(self, stream: TextIO, *, names: Sequence[str], colour: bool = False) -> None:
        self._stream = stream
        self._width = max(map(len, (*names, "devstack")))
        self._colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)} if colour else {}
        self._colour = colour
        self._lost = False
        self.when_lost: Callable[[], None] = lambda: None

    def line(self, name: str, text: str) -> None:
        if self._lost:
            return
        prefix = f"{name:<{self._width}} |"
        if self._colour:
            prefix = f"\033[{self._colours.get(name, _OWN_COLOUR)}m{prefix}\033[0m"
        try:
            self._stream.write(f"{prefix} {text}\n")
            self._stream.flush()
        except OSError:  # EIO of a closed terminal, EPIPE of a closed pipe
            self._lose()

    def _lose(self) -> None:
        """Point the stream nowhere, lest its unwritten rest fails once more when Python exits."""
        self._lost = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        self.when_lost()
