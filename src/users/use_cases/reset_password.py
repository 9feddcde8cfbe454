"""The reader of a letter chooses a new password, without knowing the old one."""

from dataclasses import dataclass, field

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import passwords, redemption, sessions
from users.events import UserPasswordReset
from users.letters import desk
from users.models import Letter, User


@dataclass(frozen=True, kw_only=True)
class ResetPassword(UseCase[User]):
    """Give the account a new password and end all of its sessions; returns the account.

    Raises TokenExpired, TokenInvalid, or Django's ValidationError when the password is not acceptable; then the token
    is good still.
    """

    token: str = field(repr=False)
    password: str = field(repr=False)

    def execute(self) -> User:
        with redemption.recording_refusals("reset_password", self.token):
            user = redemption.look("reset_password", self.token)  # what is no token waits for no turn to hash
            passwords.demand_acceptable(self.password, user=user, field="password")
            password = make_password(self.password)
            with transaction.atomic():
                return self._reset(redemption.lock("reset_password", self.token), password)

    def _reset(self, user: User, password: str) -> User:
        passwords.give(user, password)
        # The letter was read where it was sent to.
        user.email_verified_at = user.email_verified_at or timezone.now()
        user.save(update_fields=["email_verified_at"])
        EventLogClient.record(UserPasswordReset(user_id=user.pk), actor_id=user.pk)
        sessions.revoke(user, reason="password_reset", actor_id=user.pk)
        desk.write(Letter.Kind.PASSWORD_CHANGED, address=user.email, user=user)
        return user
