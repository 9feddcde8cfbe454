"""Celery's doors to the letters and to what is left of sessions."""

from celery import shared_task

from users.letters.delivery import deliver_due
from users.sweeping import sweep


@shared_task(name="users.deliver_letters")
def deliver_letters() -> None:
    """Send the letters that are due. A message is a nudge: lost or repeated, it does no harm."""
    deliver_due(seconds=5.0)


@shared_task(name="users.sweep_sessions")
def sweep_sessions() -> None:
    """Forget the sessions that are long past."""
    sweep()
