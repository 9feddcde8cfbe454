"""An administrator switches an account on again."""

from dataclasses import dataclass

from django.db import transaction

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users.events import UserActivated
from users.models import User
from users.staff import account_to_decide_on


@dataclass(frozen=True, kw_only=True)
class ActivateUser(UseCase[User]):
    """Let somebody sign in again. Raises UserUnknown, AccountProtected, OwnAccount."""

    user_id: int
    by: User

    def execute(self) -> User:
        with transaction.atomic():
            user = account_to_decide_on(self.user_id, by=self.by)
            if not user.is_active:
                user.is_active = True
                user.save(update_fields=["is_active"])
                EventLogClient.record(UserActivated(user_id=user.pk))
        return user
