"""Celery's door to what the guards keep."""

from celery import shared_task

from guards import answers


@shared_task(name="guards.prune")
def prune() -> None:
    """Forget kept answers that have expired."""
    answers.prune()
