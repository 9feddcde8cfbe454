"""A person chooses another password."""

from dataclasses import dataclass, field

from django.contrib.auth.hashers import make_password
from django.db import transaction
from knox.models import AuthToken

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import hashing, passwords, reauthentication, sessions
from users.events import UserPasswordChanged
from users.letters import desk
from users.models import Letter


@dataclass(frozen=True, kw_only=True)
class ChangePassword(UseCase[None]):
    """Give the account another password and end all of its sessions but this one (none when changed in the admin).

    Raises WrongPassword, AccountChanged, or Django's ValidationError when the new one is not acceptable.
    """

    user_id: int
    session: AuthToken | None = field(repr=False)
    old_password: str = field(repr=False)
    new_password: str = field(repr=False)

    def execute(self) -> None:
        with hashing.turn():
            proven = reauthentication.prove(self.user_id, self.old_password, to="change_password")
            passwords.demand_acceptable(self.new_password, user=proven, field="new_password")
            password = make_password(self.new_password)
        with transaction.atomic():
            user = reauthentication.lock(proven)
            passwords.give(user, password)
            EventLogClient.record(UserPasswordChanged(user_id=user.pk, changed_by="owner"))
            sessions.revoke(user, reason="password_changed", keep=self.session.digest if self.session else "")
            desk.write(Letter.Kind.PASSWORD_CHANGED, address=user.email, user=user)
