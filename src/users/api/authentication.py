"""Who makes this request: `Authorization: Bearer <token>`."""

import structlog
from django.db.models import Q
from django.utils import timezone
from knox import auth
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from outbox import context
from users.models import User


class TokenAuthentication(auth.TokenAuthentication):  # type: ignore[misc]  # knox has no types
    """Knox's header and tokens, looked up in one query (Knox makes three), and the user becomes the events' actor."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, AuthToken]:
        try:
            digest = hash_token(token.decode("ascii"))
        except UnicodeDecodeError:
            raise _refused() from None
        found = AuthToken.objects.select_related("user").filter(_valid(), digest=digest).first()
        if found is None:
            raise _refused()
        _remember(found.user)
        return found.user, found


def _valid() -> Q:
    return Q(user__is_active=True) & (Q(expiry__isnull=True) | Q(expiry__gt=timezone.now()))


def _refused() -> AuthenticationFailed:
    return AuthenticationFailed("The token is invalid or has expired: log in again.")


def _remember(user: User) -> None:
    context.actor_id.set(str(user.pk))
    structlog.contextvars.bind_contextvars(actor_id=str(user.pk))
