"""The reader of a letter proves that the account's address is theirs."""

from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import redemption
from users.events import UserEmailVerified
from users.models import User


@dataclass(frozen=True, kw_only=True)
class VerifyEmail(UseCase[User]):
    """Remember that the address is verified; returns the account. Raises TokenExpired or TokenInvalid."""

    token: str = field(repr=False)

    def execute(self) -> User:
        with redemption.recording_refusals("verify_email", self.token), transaction.atomic():
            user = redemption.lock("verify_email", self.token)
            user.email_verified_at = timezone.now()
            user.save(update_fields=["email_verified_at"])
            EventLogClient.record(UserEmailVerified(user_id=user.pk), actor_id=user.pk)
        return user
