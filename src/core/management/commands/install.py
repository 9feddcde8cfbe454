"""`manage.py install`: make both databases ready. Doing it again changes nothing."""

import os
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Migrate PostgreSQL and the event store; create the superuser of DJANGO_SUPERUSER_EMAIL and _PASSWORD, if given."

    def handle(self, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        call_command("migrate_event_store")
        self._create_superuser(
            email=os.environ.get("DJANGO_SUPERUSER_EMAIL", ""), password=os.environ.get("DJANGO_SUPERUSER_PASSWORD", "")
        )

    def _create_superuser(self, *, email: str, password: str) -> None:
        users = get_user_model().objects
        if not (email and password):
            self.stdout.write("no superuser asked for (DJANGO_SUPERUSER_EMAIL, DJANGO_SUPERUSER_PASSWORD)")
        elif users.filter(email__iexact=email).exists():
            self.stdout.write(f"superuser {email} is there")
        else:
            users.create_superuser(email=email, password=password)
            self.stdout.write(f"superuser {email} created")
