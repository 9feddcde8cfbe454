"""A person makes an account."""

from dataclasses import dataclass, field

import psycopg
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from guards import idempotency
from kit.errors import DomainError
from kit.use_case import UseCase
from outbox.client import EventLogClient
from users.events import UserRegistered
from users.models import EMAIL_CONSTRAINT, User


@dataclass(frozen=True, kw_only=True)
class RegisterUser(UseCase[User]):
    """Make an account. Raises EmailTaken."""

    email: str
    password: str = field(repr=False)
    first_name: str
    last_name: str

    def execute(self) -> User:
        password = make_password(self.password)  # before the transaction: it takes its time
        try:
            with transaction.atomic():
                user = self._create(password)
                EventLogClient.record(UserRegistered(user_id=user.pk, email=user.email), actor_id=user.pk)
                idempotency.keep(user)
        except IntegrityError as error:
            # Asking beforehand would not do: two people may ask at the same time.
            if _violates_email_constraint(error):
                raise EmailTaken(email=self.email) from error
            raise
        return user

    def _create(self, password: str) -> User:
        return User.objects.create(
            email=self.email, password=password, first_name=self.first_name, last_name=self.last_name
        )


def _violates_email_constraint(error: IntegrityError) -> bool:
    cause = error.__cause__
    return isinstance(cause, psycopg.Error) and cause.diag.constraint_name == EMAIL_CONSTRAINT


class EmailTaken(DomainError):
    """There is an account with the e-mail address {email}: log in, or register with another address."""
