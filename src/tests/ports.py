"""Ports for servers that tests start. None is given to anybody else, in this process or in a neighbour, to the end."""

import socket
import sys
from collections.abc import Iterable

_held: list[socket.socket] = []


def free_port() -> int:
    """A free port of 127.0.0.1, on which nobody listens yet."""
    holder = socket.socket()
    # On Linux, whoever asks for any port is not given one that is bound, and whoever asks for this one is, as long as
    # nobody listens on it. Elsewhere one can only hope that nobody is given it in between.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    if sys.platform == "linux":
        _held.append(holder)
    else:
        holder.close()
    return port


def free_ports(names: Iterable[str]) -> dict[str, int]:
    return {name: free_port() for name in names}
