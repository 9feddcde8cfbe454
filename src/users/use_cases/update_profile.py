"""A person changes their particulars."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import sessions
from users.events import UserProfileUpdated
from users.models import User


@dataclass(frozen=True, kw_only=True)
class UpdateProfile(UseCase[User]):
    """Give fields of the account new values. What stays as it is, is no event. Raises SessionEnded."""

    user_id: int
    values: Mapping[str, str] = field(repr=False)

    def execute(self) -> User:
        with transaction.atomic():
            user = sessions.holder(self.user_id)
            changed = sorted(name for name, value in self.values.items() if getattr(user, name) != value)
            if changed:
                for name in changed:
                    setattr(user, name, self.values[name])
                user.save(update_fields=changed)
                EventLogClient.record(UserProfileUpdated(user_id=user.pk, fields=changed))
        return user
