"""Sessions of the admin: coming and going is recorded, as over the API, and a session nobody uses ends.

Django tells of coming and going by signals.
"""

import time
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from events.event import Event
from guards.network import network_of
from guards.origin import on_record
from outbox.client import EventLogClient
from users.events import UserLoggedIn, UserLoggedOut, UserLoginFailed, UserSessionExpired
from users.models import User

_BEGAN, _SEEN = "began_at", "seen_at"


def end_if_over(request: HttpRequest) -> None:
    """End the session, with the event, if it has lasted its time or nobody has used it for a while."""
    session, now = request.session, time.time()
    user_id = session.get(SESSION_KEY)
    if user_id is None:
        return
    idle = now - session.get(_SEEN, 0)
    if idle > settings.ADMIN_IDLE_SECONDS or now - session.get(_BEGAN, 0) > settings.SESSION_COOKIE_AGE:
        with transaction.atomic():
            session.flush()
            EventLogClient.record(UserSessionExpired(user_id=int(user_id), session_id=None), actor_id=user_id)
    elif idle > settings.ADMIN_IDLE_SECONDS / 10:  # not at every request: it is a write, and only makes it end early
        session[_SEEN] = now


@receiver(user_logged_in)
def _came(*, request: HttpRequest, user: User, **_: Any) -> None:
    request.session[_BEGAN] = request.session[_SEEN] = time.time()
    _record(UserLoggedIn(user_id=user.pk, session_id=None, network=network_of(request)), actor_id=user.pk)


@receiver(user_logged_out)
def _went(*, user: User | None, **_: Any) -> None:
    if user is not None:
        _record(UserLoggedOut(user_id=user.pk, session_id=None), actor_id=user.pk)


@receiver(user_login_failed)
def _was_refused(*, request: HttpRequest | None, credentials: dict[str, Any], **_: Any) -> None:
    email = str(credentials.get(User.USERNAME_FIELD) or credentials.get("username") or "")
    user = User.objects.with_email(email).first()
    reason: Literal["unknown_email", "wrong_password"] = "wrong_password" if user else "unknown_email"
    user_id, network = user.pk if user else None, network_of(request) if request else ""
    _record(UserLoginFailed(email=on_record(email), reason=reason, user_id=user_id, network=network))


def _record(event: Event, *, actor_id: object = None) -> None:
    with transaction.atomic():
        EventLogClient.record(event, actor_id=actor_id)
