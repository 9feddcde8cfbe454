"""Taking an e-mail address: the database says whether somebody else has it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import IntegrityError, transaction

from events.event import Event
from outbox.client import EventLogClient
from users.accounts import EmailTaken
from users.models import EMAIL_CONSTRAINT, User


def demand_free(email: str, *, for_user: User) -> None:
    """Raises EmailTaken if somebody else has the address.

    It spares PostgreSQL a statement that fails, which would stand in its log with the address. It decides nothing: two
    people may ask at the same time.
    """
    if User.objects.with_email(email).exclude(pk=for_user.pk).exists():
        raise EmailTaken(email=email)


@contextmanager
def unless_taken(email: str, *, failure: Event, actor_id: object = None) -> Iterator[None]:
    """Around the transaction that takes the address. Raises EmailTaken, and records the failure."""
    try:
        with _naming_the_constraint(email):
            yield
    except EmailTaken:
        with transaction.atomic():  # the other one is rolled back
            EventLogClient.record(failure, actor_id=actor_id)
        raise


@contextmanager
def _naming_the_constraint(email: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.Error) and cause.diag.constraint_name == EMAIL_CONSTRAINT:
            raise EmailTaken(email=email) from error
        raise
