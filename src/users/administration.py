"""What an administrator's forms change, as events, within the transaction of the form."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.forms import AdminPasswordChangeForm
from django.utils import timezone

from outbox.client import EventLogClient
from users import passwords, sessions
from users.events import (
    UserActivated,
    UserEmailChanged,
    UserPasswordChanged,
    UserPermissionsChanged,
    UserProfileUpdated,
)
from users.letters import desk
from users.models import Letter, User
from users.use_cases.deactivate_user import deactivate

_PARTICULARS = ("first_name", "last_name")


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]  # Django's class takes no arguments at run time
    """Sets somebody's password, or takes it away; all their sessions end."""

    def save(self, commit: Any = True) -> User:  # noqa: FBT002 -- the signature is Django's
        user: User = super().save(commit)
        give_password(user, user.password)
        return user


def give_password(user: User, encoded: str) -> None:
    """Give somebody, whose account is locked, another password and end all of their sessions."""
    passwords.give(user, encoded)
    EventLogClient.record(UserPasswordChanged(user_id=user.pk, changed_by="administrator"))
    sessions.revoke(user, reason="password_changed")
    desk.write(Letter.Kind.PASSWORD_CHANGED, address=user.email, user=user)


def record_changes(*, before: User, after: User) -> None:
    """Record how an account, which is locked and saved, differs from what it was."""
    if fields := [name for name in _PARTICULARS if getattr(before, name) != getattr(after, name)]:
        EventLogClient.record(UserProfileUpdated(user_id=after.pk, fields=fields))
    if before.email != after.email:
        _give_address(after, old=before.email)
    if before.is_active and not after.is_active:
        deactivate(after)
    elif after.is_active and not before.is_active:
        EventLogClient.record(UserActivated(user_id=after.pk))


def record_permissions(user: User, *, fields: Sequence[str]) -> None:
    """Record what an account may do now."""
    EventLogClient.record(
        UserPermissionsChanged(
            user_id=user.pk,
            fields=list(fields),
            is_staff=user.is_staff,
            is_superuser=user.is_superuser,
            groups=sorted(user.groups.values_list("name", flat=True)),
            permissions=sorted(f"{each.content_type.app_label}.{each.codename}" for each in _permissions_of(user)),
        )
    )


def _permissions_of(user: User) -> Any:
    return user.user_permissions.select_related("content_type")


def _give_address(user: User, *, old: str) -> None:
    """Whoever changes somebody's address in the admin vouches for the new one."""
    user.email_verified_at, user.pending_email = timezone.now(), ""
    user.save(update_fields=["email_verified_at", "pending_email"])
    EventLogClient.record(UserEmailChanged(user_id=user.pk, old_email=old, new_email=user.email))
    desk.write(Letter.Kind.EMAIL_CHANGED, address=old, user=user)
