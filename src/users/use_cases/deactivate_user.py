"""An account is switched off: by its owner, or by an administrator."""

from dataclasses import dataclass, field

from django.db import transaction

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import reauthentication, sessions
from users.events import UserDeactivated
from users.letters import desk
from users.models import Letter, User
from users.staff import account_to_decide_on


@dataclass(frozen=True, kw_only=True)
class DeactivateOwnAccount(UseCase[None]):
    """Switch one's own account off; an administrator can switch it on again. Raises WrongPassword, AccountChanged."""

    user_id: int
    password: str = field(repr=False)

    def execute(self) -> None:
        proven = reauthentication.prove(self.user_id, self.password, to="deactivate")
        with transaction.atomic():
            deactivate(reauthentication.lock(proven))


@dataclass(frozen=True, kw_only=True)
class DeactivateUser(UseCase[User]):
    """Switch somebody's account off. Raises UserUnknown, AccountProtected, OwnAccount."""

    user_id: int
    by: User

    def execute(self) -> User:
        with transaction.atomic():
            user = account_to_decide_on(self.user_id, by=self.by)
            if user.is_active:
                deactivate(user)
        return user


def deactivate(user: User) -> None:
    """Switch the account off and end its sessions, within the caller's transaction."""
    user.is_active = False
    user.save(update_fields=["is_active"])
    EventLogClient.record(UserDeactivated(user_id=user.pk))
    sessions.revoke(user, reason="deactivated")
    desk.write(Letter.Kind.ACCOUNT_DEACTIVATED, address=user.email, user=user)
