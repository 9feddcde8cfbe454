"""The ports of the stack: fixed ones that the environment overrides, or free ones for a throwaway stack."""

import errno
import os
import socket
from collections.abc import Collection, Mapping
from contextlib import ExitStack

from devstack.errors import DevstackError

HOST = "127.0.0.1"
ENGINE_PORTS = {"POSTGRES_PORT": 15432, "VALKEY_PORT": 16379, "CLICKHOUSE_PORT": 19000}
WEB_PORT = {"PORT": 8000}
_HIGHEST = 65535


class BadPort(DevstackError):
    """A port in the environment cannot be used; the message names the variable."""


def configured(defaults: Mapping[str, int]) -> dict[str, int]:
    """Each variable's port, from the environment or the default. Raises BadPort."""
    ports = {name: _port(name, os.environ.get(name) or str(default)) for name, default in defaults.items()}
    for name, port in ports.items():
        twins = [other for other in ports if ports[other] == port]
        if len(twins) > 1:
            raise BadPort(f"{' and '.join(twins)} are both {port}: set {name} to another port")
    return ports


def must_be_free(ports: Mapping[str, int]) -> None:
    """Raises BadPort for the first one that another program has."""
    for name, port in ports.items():
        if problem := _problem(port):
            raise BadPort(f"port {port} {problem}, or set {name} to another port")


def taken(ports: Collection[int]) -> bool:
    """Whether another program has one of them."""
    return any(_problem(port) for port in ports)


def free(names: Collection[str]) -> dict[str, int]:
    """A free port each, all different. Somebody else may still be quicker to use it."""
    with ExitStack() as held:
        sockets = {name: held.enter_context(socket.socket()) for name in names}
        for bound in sockets.values():
            bound.bind((HOST, 0))
        return {name: int(bound.getsockname()[1]) for name, bound in sockets.items()}


def _port(name: str, text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text) <= _HIGHEST:
        return int(text)
    raise BadPort(f"{name} must be a port from 1 to {_HIGHEST}, not {text!r}")


def _problem(port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections of the last run do not count
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                return "is reserved for root: run as root"
            return "is taken: stop the program that listens there"
    return None
