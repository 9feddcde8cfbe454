"""The reader of the new address confirms it, and the account has it from now on."""

from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import redemption
from users.addresses import demand_free, unless_taken
from users.events import UserEmailChanged, UserEmailChangeFailed
from users.letters import desk
from users.models import Letter, User


@dataclass(frozen=True, kw_only=True)
class ConfirmEmailChange(UseCase[User]):
    """Give the account its new address; returns the account.

    Raises TokenExpired, TokenInvalid, or EmailTaken if somebody was faster.
    """

    token: str = field(repr=False)

    def execute(self) -> User:
        with redemption.recording_refusals("confirm_email_change", self.token):
            user = redemption.look("confirm_email_change", self.token)
            failure = UserEmailChangeFailed(user_id=user.pk, new_email=user.pending_email)
            with unless_taken(user.pending_email, failure=failure, actor_id=user.pk), transaction.atomic():
                return self._change(redemption.lock("confirm_email_change", self.token))

    def _change(self, user: User) -> User:
        old, new = user.email, user.pending_email
        demand_free(new, for_user=user)
        user.email, user.pending_email, user.email_verified_at = new, "", timezone.now()
        user.save(update_fields=["email", "pending_email", "email_verified_at"])
        changed = UserEmailChanged(user_id=user.pk, old_email=old, new_email=new)
        EventLogClient.record(changed, actor_id=user.pk)
        desk.write(Letter.Kind.EMAIL_CHANGED, address=old, user=user)
        return user
