"""Somebody has forgotten their password."""

from dataclasses import dataclass

from django.db import transaction

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users.events import UserPasswordResetRequested
from users.letters import desk
from users.models import Letter, User


@dataclass(frozen=True, kw_only=True)
class RequestPasswordReset(UseCase[None]):
    """Have a letter sent to whoever has the address.

    The work is the same whether somebody has it or not, so neither answer nor time tells: only the worker, later, looks
    for somebody to send the letter to.
    """

    email: str

    def execute(self) -> None:
        with transaction.atomic():
            user_id = User.objects.with_email(self.email).values_list("pk", flat=True).first()
            EventLogClient.record(UserPasswordResetRequested(email=self.email, user_id=user_id))
            desk.write(Letter.Kind.RESET_PASSWORD, address=self.email, on_demand=True)
