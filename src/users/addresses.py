"""Taking an e-mail address: the database says whether somebody else has it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import IntegrityError, transaction

from events.event import Event
from kit.errors import DomainError
from outbox.client import EventLogClient
from users.models import EMAIL_CONSTRAINT


@contextmanager
def unless_taken(email: str, *, failure: Event, actor_id: object = None) -> Iterator[None]:
    """Around the transaction that takes the address. Raises EmailTaken, and records the failure.

    Asking beforehand would not do: two people may ask at the same time.
    """
    try:
        yield
    except IntegrityError as error:
        if not _violates_email_constraint(error):
            raise
        with transaction.atomic():  # the other one is rolled back
            EventLogClient.record(failure, actor_id=actor_id)
        raise EmailTaken(email=email) from error


def _violates_email_constraint(error: IntegrityError) -> bool:
    cause = error.__cause__
    return isinstance(cause, psycopg.Error) and cause.diag.constraint_name == EMAIL_CONSTRAINT


class EmailTaken(DomainError):
    """There is an account with the e-mail address {email}: log in, or use another address."""
