"""The embedded stack for development and tests: PostgreSQL, Valkey and ClickHouse's engine from wheels.

usage: python -m devstack run                     everything: engines, migrations, web server, worker, beat
       python -m devstack services                the engines only
       python -m devstack exec [--keep] -- CMD…   CMD on a throwaway stack; --keep keeps its folder
       python -m devstack env                     print the environment of the running stack
       python -m devstack with-env -- CMD…        CMD with that environment, or with the caller's own if none runs

Ctrl-C stops what runs in the foreground. DEVSTACK_DIR (.devstack) is where data is kept, .devstack/env the environment
while it runs. Ports: PORT, POSTGRES_PORT, VALKEY_PORT, CLICKHOUSE_PORT.
"""

import os
import sys
from collections.abc import Sequence
from typing import Never, TextIO

from devstack import environment, folder, stack, throwaway
from devstack.command import CommandNotFound
from devstack.errors import DevstackError

_WRONG_USAGE = 2
_INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        _never_fail_at_characters(stream)
    try:
        return _dispatch(arguments)
    except DevstackError as error:
        print(f"devstack: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:  # before anything was started that would have to be stopped
        return _INTERRUPTED


def _dispatch(arguments: Sequence[str]) -> int:
    match arguments:
        case ["run" | "services" as which]:
            return stack.run(with_application=which == "run")
        case ["exec", "--", _, *_] | ["exec", "--keep", "--", _, *_]:
            return throwaway.run(_after_dashes(arguments), keep=arguments[1] == "--keep")
        case ["env"]:
            return _print_environment()
        case ["with-env", "--", _, *_]:
            return _become(_after_dashes(arguments))
        case ["help" | "--help" | "-h"]:
            print(__doc__)
            return 0
    print(__doc__, file=sys.stderr)
    return _WRONG_USAGE


def _after_dashes(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[arguments.index("--") + 1 :]


def _print_environment() -> int:
    for name, value in environment.read(folder.configured()).items():
        print(f"{name}={environment.quoted(value)}")
    return 0


def _become(command: Sequence[str]) -> Never:
    """Turn into the command, with the running stack's environment if there is one."""
    found: dict[str, str] = {}
    stack_folder = folder.configured()
    try:
        found = environment.read(stack_folder)
        environment.warn_of_unused(found)
    except environment.NotRunning as reason:
        # That nothing runs is ordinary, unless somebody may believe otherwise.
        if (stack_folder / "env").exists() or not environment.is_configured():
            print(f"devstack: {reason}; going on with your own environment", file=sys.stderr)
    try:
        os.execvpe(command[0], list(command), {**os.environ, **found})  # noqa: S606 - to run a command is what it is for
    except OSError as error:
        raise CommandNotFound(f"{command[0]} cannot be run: {error.strerror}") from error


def _never_fail_at_characters(stream: TextIO) -> None:
    """A service may print what the terminal's encoding cannot show."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
