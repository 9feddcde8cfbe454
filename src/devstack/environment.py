"""The environment of a stack: what its programs are told, and the file in which everybody else finds it.

The file has one KEY=value a line, for `. .devstack/env` in a shell as well as for django-environ.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack import folder
from devstack.errors import DevstackError

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./\[\]-]*")
_DOTENV = folder.SOURCE / "core" / ".env"
_ADDRESSES = ("DATABASE_URL", "REDIS_URL", "CLICKHOUSE_HOST")


class NotRunning(DevstackError):
    """No stack runs on the folder."""


class Unquotable(DevstackError):
    """A value holds a line break, so it cannot stand in an environment file."""


def for_development(addresses: Mapping[str, str], *, secret_key: str, port: int) -> dict[str, str]:
    """The addresses, and defaults for what neither the developer's environment nor src/core/.env sets."""
    found = {**addresses, "PORT": str(port)}
    defaults = {"DEBUG": "true", "ENVIRONMENT": "development", "EMAIL_URL": "consolemail://"}
    return _with_defaults(found, defaults, secret_key=secret_key, decided=_names_in(_DOTENV))


def for_tests(addresses: Mapping[str, str], *, secret_key: str) -> dict[str, str]:
    """The addresses, and defaults for what the environment does not set; a src/core/.env has no say in tests."""
    # Tests speak plain HTTP, and much of it; those of throttles and of TLS turn them on.
    defaults = {
        "DEBUG": "false", "ENVIRONMENT": "test", "HTTPS_ONLY": "false", "THROTTLES": "false",
        "REQUEST_IDS_BELIEVED": "true",
    }  # fmt: skip
    return _with_defaults(addresses, defaults, secret_key=secret_key, decided=set())


def is_configured() -> bool:
    """Whether the caller has an environment of their own, for instance of a stack in Docker."""
    return "DATABASE_URL" in {*os.environ, *_names_in(_DOTENV)}


def warn_of_unused(addresses: Mapping[str, str]) -> None:
    """Say which of the caller's own addresses are passed over, lest somebody believes to work on that database."""
    for name in _ADDRESSES:
        if name in addresses and os.environ.get(name, addresses[name]) != addresses[name]:
            print(f"devstack: {name} of your environment is not used, but the stack's own", file=sys.stderr)


def write(stack: Path, environment: Mapping[str, str]) -> Path:
    path = stack / "env"
    folder.write_privately(path, "".join(f"{name}={quoted(value)}\n" for name, value in environment.items()))
    return path


def read(stack: Path) -> dict[str, str]:
    """The environment of the stack that runs on the folder. Raises NotRunning, and says whether one was killed."""
    path = stack / "env"
    if not path.exists():
        raise NotRunning(f"no stack is running on {folder.shown(stack)}")
    if not folder.in_use(stack):
        raise NotRunning(f"{folder.shown(path)} was left behind by a stack that was killed; it does not run any more")
    pairs = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    return {name: _unquoted(value) for name, _, value in pairs}


def quoted(value: str) -> str:
    """The value so that a POSIX shell and django-environ read the same. Raises Unquotable."""
    if len(value.splitlines()) > 1 or value.endswith(("\n", "\r")):
        raise Unquotable("a value with a line break cannot stand in the stack's environment file")
    if _PLAIN.fullmatch(value):
        return value
    if "'" not in value and not value.startswith('"'):
        return f"'{value}'"
    return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'


def _unquoted(written: str) -> str:
    if written.startswith("'"):
        return written[1:-1]
    if written.startswith('"'):
        return re.sub(r"\\(.)", r"\1", written[1:-1])
    return written


def _with_defaults(
    addresses: Mapping[str, str], defaults: Mapping[str, str], *, secret_key: str, decided: set[str]
) -> dict[str, str]:
    common = {"SECRET_KEY": secret_key, "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]", "LOG_FORMAT": "console"}
    found = dict(addresses)
    for name, default in {**defaults, **common}.items():
        if name in os.environ:
            found[name] = os.environ[name]
        elif name not in decided:
            found[name] = default
    return found


def _names_in(dotenv: Path) -> set[str]:
    if not dotenv.is_file():
        return set()
    return set(re.findall(r"^(?:export )?([A-Za-z_0-9]+)=", dotenv.read_text(), re.MULTILINE))
