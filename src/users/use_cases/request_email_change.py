"""A person wants their account to have another e-mail address."""

from dataclasses import dataclass, field

from django.db import transaction

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import reauthentication
from users.addresses import demand_free, unless_taken
from users.events import UserEmailChangeFailed, UserEmailChangeRequested
from users.letters import desk
from users.models import Letter


@dataclass(frozen=True, kw_only=True)
class RequestEmailChange(UseCase[None]):
    """Ask the new address for confirmation and tell the old one. A request replaces the one before.

    Raises WrongPassword, AccountChanged or EmailTaken; that the address is free now does not keep it for anybody.
    """

    user_id: int
    password: str = field(repr=False)
    email: str

    def execute(self) -> None:
        proven = reauthentication.prove(self.user_id, self.password, to="change_email")
        failure = UserEmailChangeFailed(user_id=self.user_id, new_email=self.email)
        with unless_taken(self.email, failure=failure), transaction.atomic():
            user = reauthentication.lock(proven)
            # Known early, it spares two letters; that nobody has it by then is decided when the change is confirmed.
            demand_free(self.email, for_user=user)
            user.pending_email = self.email
            user.save(update_fields=["pending_email"])
            EventLogClient.record(UserEmailChangeRequested(user_id=user.pk, new_email=self.email))
            desk.write(Letter.Kind.CONFIRM_EMAIL_CHANGE, address=self.email, user=user)
            desk.write(Letter.Kind.EMAIL_CHANGE_REQUESTED, address=user.email, user=user)
