"""`manage.py install`: make both databases ready, and say what their roles may do. Doing it again changes nothing."""

import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import DatabaseError

from core import roles
from core.management.one_at_a_time import one_at_a_time
from core.management.unavailable import told_in_a_line
from users.models import User


class Command(BaseCommand):
    help = "Migrate both databases; create the superuser of DJANGO_SUPERUSER_EMAIL and _PASSWORD, if given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--app-role", default="", help="PostgreSQL's role of web, worker and beat")
        parser.add_argument("--reader-role", default="", help="PostgreSQL's role of who reads the outbox")

    def handle(self, **options: Any) -> None:
        application, reader = options["app_role"], options["reader_role"]
        if application and application == reader:
            raise CommandError(
                f"{application} cannot be both, --app-role and --reader-role: what the reader may do would be all that "
                "is left to the application; name two roles",
                returncode=2,
            )
        with told_in_a_line(), one_at_a_time("install", say=self.stderr.write):
            self._install(application=application, reader=reader, verbosity=options["verbosity"])

    def _install(self, *, application: str, reader: str, verbosity: int) -> None:
        call_command("migrate", interactive=False, verbosity=verbosity)
        self._grant(application=application, reader=reader)
        call_command("migrate_event_store")
        self._create_superuser(
            email=os.environ.get("DJANGO_SUPERUSER_EMAIL", ""), password=os.environ.get("DJANGO_SUPERUSER_PASSWORD", "")
        )

    def _grant(self, *, application: str, reader: str) -> None:
        try:
            unnamed = roles.grant(application=application, reader=reader)
        except DatabaseError as error:
            raise CommandError(f"the roles did not get their rights: {error}".strip()) from error
        if application and unnamed:
            self.stderr.write(
                f"{application} may do nothing with {', '.join(unnamed)}: core/roles.py does not say what it should"
            )

    def _create_superuser(self, *, email: str, password: str) -> None:
        users = User.objects
        if bool(email) != bool(password):
            raise CommandError("give both DJANGO_SUPERUSER_EMAIL and DJANGO_SUPERUSER_PASSWORD, or none of them")
        if not email:
            self.stdout.write("no superuser asked for (DJANGO_SUPERUSER_EMAIL, DJANGO_SUPERUSER_PASSWORD)")
        elif users.with_email(email).exists():
            self.stdout.write(f"superuser {email} is there")
        else:
            _demand_address(email)
            users.create_superuser(email=email, password=password)
            self.stdout.write(f"superuser {email} created")


def _demand_address(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError:
        raise CommandError(f"DJANGO_SUPERUSER_EMAIL must be an e-mail address, not {email!r}") from None
