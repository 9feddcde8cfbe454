"""A person gives a token back."""

from dataclasses import dataclass, field

from django.db import transaction
from knox.models import AuthToken

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import sessions
from users.events import UserLoggedOut
from users.models import User


@dataclass(frozen=True, kw_only=True)
class LogOut(UseCase[None]):
    """End this session. If it has just ended otherwise, nothing more happens."""

    user_id: int
    session: AuthToken = field(repr=False)

    def execute(self) -> None:
        with transaction.atomic():
            User.objects.locked().get(pk=self.user_id)
            ended, _ = AuthToken.objects.filter(digest=self.session.digest).delete()
            if ended:
                EventLogClient.record(UserLoggedOut(user_id=self.user_id, session_id=sessions.id_of(self.session)))
