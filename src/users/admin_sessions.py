"""Coming to the admin and going from it is recorded, as over the API: Django tells of both by signals."""

from typing import Any, Literal

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver

from events.event import Event
from outbox.client import EventLogClient
from users.events import UserLoggedIn, UserLoggedOut, UserLoginFailed
from users.models import User


@receiver(user_logged_in)
def _came(*, user: User, **_: Any) -> None:
    _record(UserLoggedIn(user_id=user.pk), actor_id=user.pk)


@receiver(user_logged_out)
def _went(*, user: User | None, **_: Any) -> None:
    if user is not None:
        _record(UserLoggedOut(user_id=user.pk, session_id=None), actor_id=user.pk)


@receiver(user_login_failed)
def _was_refused(*, credentials: dict[str, Any], **_: Any) -> None:
    email = str(credentials.get(User.USERNAME_FIELD) or credentials.get("username") or "")
    user = User.objects.with_email(email).first()
    reason: Literal["unknown_email", "wrong_password"] = "wrong_password" if user else "unknown_email"
    _record(UserLoginFailed(email=email, reason=reason, user_id=user.pk if user else None))


def _record(event: Event, *, actor_id: object = None) -> None:
    with transaction.atomic():
        EventLogClient.record(event, actor_id=actor_id)
