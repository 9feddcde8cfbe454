"""A person exchanges a token for a new one, before it expires or because it may have been seen."""

from dataclasses import dataclass, field

from django.db import transaction
from knox.models import AuthToken

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import sessions
from users.events import UserTokenRotated
from users.use_cases.log_in import Login


@dataclass(frozen=True, kw_only=True)
class RotateToken(UseCase[Login]):
    """A new token with a new time to live; the present one ends.

    However often it is done, the last one ends AUTH_SESSION_SECONDS after the login: whoever has stolen a token does
    not keep it for ever. Raises SessionEnded to all but one who try at once.
    """

    user_id: int
    session: AuthToken = field(repr=False)

    def execute(self) -> Login:
        with transaction.atomic():
            user = sessions.holder(self.user_id)
            ended, _ = AuthToken.objects.filter(digest=self.session.digest).delete()
            if not ended:
                raise sessions.SessionEnded
            session, token = sessions.give(user, since=self.session.created)
            EventLogClient.record(
                UserTokenRotated(
                    user_id=user.pk,
                    old_session_id=sessions.id_of(self.session),
                    new_session_id=sessions.id_of(session),
                )
            )
        return Login(user=user, token=token, expiry=session.expiry)
