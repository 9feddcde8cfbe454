"""The tokens of logins, a person's sessions: given, listed, taken away.

Whoever calls this has locked the account.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Left
from django.utils import timezone
from knox.models import AuthToken, get_digest_token
from knox.settings import knox_settings

from kit.errors import DomainError
from outbox.client import EventLogClient
from users.events import RevocationReason, UserSessionsRevoked
from users.models import User

# So much of the digest, 128 bits, is unique for good; and nobody finds a token from it.
ID_LENGTH = 32
# Enough for every device of a person; and a loop that logs in does not fill the table, nor an event with ids.
MOST_SESSIONS = 50


def id_of(session: AuthToken) -> str:
    """What a session is called in answers and events."""
    return str(session.digest[:ID_LENGTH])


def holder(user_id: int) -> User:
    """The account of a session, locked. Raises SessionEnded if it was switched off or deleted at this moment."""
    user = User.objects.locked().get(pk=user_id)
    if not user.is_active:
        raise SessionEnded
    return user


def give(user: User, *, since: datetime | None = None) -> tuple[AuthToken, str]:
    """A new session and its token, which the database does not have; `since` is the login that it goes back to.

    Those past their time are forgotten. Of those that are too many the oldest ends. Raises SessionEnded if the login is
    so long ago that the new one would have ended, too.
    """
    now = timezone.now()
    AuthToken.objects.filter(user=user, expiry__lte=now).delete()
    longest = (since or now) + timedelta(seconds=settings.AUTH_SESSION_SECONDS)
    if longest <= now:
        raise SessionEnded
    digest, token = get_digest_token()
    session = AuthToken(user=user, digest=digest, expiry=min(now + knox_settings.TOKEN_TTL, longest))
    session.save(force_insert=True)  # Knox's own `create` would keep a quarter of the token in clear
    if since is not None:
        session.created = since
        session.save(update_fields=["created"])
    _end_surplus(user, beside=session)
    return session, token


def revoke(user: User, *, reason: RevocationReason, keep: str = "", only: str = "", actor_id: object = None) -> int:
    """Take away a person's tokens, with the event; all but the one of digest `keep`, or the one of id `only`.

    The sessions of the admin are no tokens. They all end, unless it is about one token only.
    """
    held = AuthToken.objects.filter(user=user).exclude(digest=keep)
    if only:
        held = held.annotate(session_id=Left("digest", ID_LENGTH)).filter(session_id=only)
    else:
        user.session_epoch += 1
        user.save(update_fields=["session_epoch"])
    revoked = sorted(id_of(session) for session in held)
    if revoked:
        held.delete()
        revocation = UserSessionsRevoked(user_id=user.pk, reason=reason, session_ids=revoked)
        EventLogClient.record(revocation, actor_id=actor_id)
    return len(revoked)


def _end_surplus(user: User, *, beside: AuthToken) -> None:
    others = AuthToken.objects.filter(user=user).exclude(digest=beside.digest)
    surplus = list(others.order_by("-created", "-digest")[MOST_SESSIONS - 1 :])
    if surplus:
        AuthToken.objects.filter(digest__in=[session.digest for session in surplus]).delete()
        ended = sorted(id_of(session) for session in surplus)
        EventLogClient.record(
            UserSessionsRevoked(user_id=user.pk, reason="too_many", session_ids=ended), actor_id=user.pk
        )


class SessionEnded(DomainError):
    """The session has just ended: log in again."""
