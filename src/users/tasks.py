"""Celery's door to the letters. A message is a nudge: lost or repeated, it does no harm."""

from celery import shared_task

from users.letters.delivery import deliver_due


@shared_task(name="users.deliver_letters")
def deliver_letters() -> None:
    """Send the letters that are due."""
    deliver_due(seconds=5.0)
