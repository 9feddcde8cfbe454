"""Who makes this request: `Authorization: Bearer <token>`."""

from django.db import transaction
from django.utils import timezone
from knox import auth
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from outbox import context
from outbox.client import EventLogClient
from users import sessions
from users.events import UserSessionExpired
from users.models import User


class TokenAuthentication(auth.TokenAuthentication):  # type: ignore[misc]  # knox has no types
    """Knox's header and tokens, looked up in one query (Knox makes three), and the user becomes the events' actor."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, AuthToken]:
        try:
            digest = hash_token(token.decode("ascii"))
        except UnicodeDecodeError:
            raise _refused() from None
        session = AuthToken.objects.select_related("user").filter(digest=digest).first()
        if session is None or not session.user.is_active:
            raise _refused()
        if session.expiry is not None and session.expiry <= timezone.now():
            _forget(session)
            raise _refused()
        context.remember_actor(session.user.pk)
        return session.user, session


def _forget(session: AuthToken) -> None:
    """Record that an expired token was used, once: it is unknown from now on, so a flood of it records nothing more."""
    with transaction.atomic():
        forgotten, _ = AuthToken.objects.filter(digest=session.digest, expiry=session.expiry).delete()
        if forgotten:
            expired = UserSessionExpired(user_id=session.user_id, session_id=sessions.id_of(session))
            EventLogClient.record(expired, actor_id=session.user_id)


def _refused() -> AuthenticationFailed:
    return AuthenticationFailed("The token is invalid or has expired: log in again.")
