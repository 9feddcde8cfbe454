"""`manage.py migrate_event_store`: bring the event store's tables up to date."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events.store import StoreUnavailable
from outbox.event_store import event_store, wait_for


class Command(BaseCommand):
    help = "Create or update the event store's tables. Applying it twice does nothing the second time."
    requires_system_checks = []  # noqa: RUF012 -- Django's own annotation

    def handle(self, **_options: Any) -> None:
        store = event_store()
        try:
            applied = wait_for(store.migrate())
            wait_for(store.check())
        except StoreUnavailable as error:
            raise CommandError(str(error), returncode=3) from None
        for name in applied:
            self.stdout.write(f"applied {name}")
        if not applied:
            self.stdout.write("nothing to apply")
