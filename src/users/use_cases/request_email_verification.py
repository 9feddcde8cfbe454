"""Somebody wants, again, the letter that verifies an e-mail address."""

from dataclasses import dataclass

from django.db import transaction

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users.events import UserEmailVerificationRequested
from users.letters import desk
from users.models import Letter, User


@dataclass(frozen=True, kw_only=True)
class RequestEmailVerification(UseCase[None]):
    """Have a letter sent to whoever has the address and has not verified it; as silent as a password reset."""

    email: str

    def execute(self) -> None:
        with transaction.atomic():
            user_id = User.objects.with_email(self.email).values_list("pk", flat=True).first()
            EventLogClient.record(UserEmailVerificationRequested(email=self.email, user_id=user_id))
            desk.write(Letter.Kind.VERIFY_EMAIL, address=self.email, on_demand=True)
