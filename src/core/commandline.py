"""Django's command line, with a span around each command."""

import sys
from pathlib import Path
from typing import Any

import structlog
from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand

from core import observability
from kit.span import span

# They run for as long as somebody wants them to: what happens within is the unit of work, not they.
_OPEN_ENDED = frozenset({"runserver", "shell", "dbshell", "test", "testserver"})


class CommandLine(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        """The command, which says in logs and traces that it is one."""
        command = super().fetch_command(subcommand)
        if subcommand not in _OPEN_ENDED:
            command.execute = _observed(command, name=subcommand)  # type: ignore[method-assign]
        return command


def answers_on_standard_output(argv: list[str]) -> bool:
    """Whether this process is a command whose output somebody may read on: its log then goes to standard error."""
    return Path(argv[0]).name == "manage.py" and argv[1:2] != ["runserver"]


def execute() -> None:
    """Run the command that this process was started for."""
    CommandLine(sys.argv).execute()


def _observed(command: BaseCommand, *, name: str) -> Any:
    execute = command.execute

    def observed(*args: Any, **options: Any) -> Any:
        observability.start()
        structlog.contextvars.bind_contextvars(command=name)
        try:
            with span("command", **{"command.name": name}):
                return execute(*args, **options)
        finally:
            observability.stop()

    return observed
