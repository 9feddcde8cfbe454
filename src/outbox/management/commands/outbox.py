"""`manage.py outbox …`: what an operator asks of the outbox. Each action is a module of `outbox.management.actions`."""

import os
import sys
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.utils import DatabaseError
from psycopg.errors import UndefinedColumn, UndefinedFunction, UndefinedTable

from events.store import StoreUnavailable
from kit.errors import DomainError
from outbox.management.actions import ACTIONS
from outbox.management.actions.action import DIFFERS, DONE, EXIT_CODES, UNAVAILABLE


class Command(BaseCommand):
    help = "Look at the outbox, and prove that what it delivered is in the event store, once and unaltered."
    requires_system_checks = []  # noqa: RUF012 -- Django's own annotation

    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXIT_CODES
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for action in ACTIONS:
            its_own = actions.add_parser(
                action.name,
                help=action.help,
                description=action.__doc__ or action.help,
                epilog=EXIT_CODES,
                formatter_class=RawDescriptionHelpFormatter,
            )
            its_own.add_argument("--json", action="store_true", help="answer with one JSON object")
            action.add_arguments(its_own)

    def handle(self, *, action: str, json: bool, **options: Any) -> None:
        (chosen,) = (each for each in ACTIONS if each.name == action)
        code = DONE
        try:
            code = chosen(out=self.stdout, err=self.stderr, as_json=json).run(**options)
        except StoreUnavailable as error:
            raise CommandError(str(error), returncode=UNAVAILABLE) from None
        except BrokenPipeError:
            # Whoever was reading (head, less) has seen enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except DatabaseError as error:
            raise CommandError(_told(error), returncode=UNAVAILABLE) from None
        except DomainError as error:
            raise CommandError(str(error), returncode=DIFFERS) from None
        if code:
            sys.exit(code)


def _told(error: DatabaseError) -> str:
    cause = error.__cause__
    if isinstance(cause, UndefinedTable | UndefinedColumn | UndefinedFunction):
        what = cause.diag.message_primary
        return f"the outbox's tables are not there, or older than this program ({what}): run manage.py install"
    return f"PostgreSQL cannot do this now: {' '.join(str(error).split())}"
