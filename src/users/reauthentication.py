"""Proving oneself anew, with the password, for what a stolen token must not be enough for."""

from kit.errors import DomainError
from outbox.client import EventLogClient
from users import hashing
from users.events import Reauthenticated, UserReauthenticationFailed
from users.models import User


def prove(user_id: int, password: str, *, to: Reauthenticated) -> User:
    """The account as it was when the password fitted. Raises WrongPassword, which is recorded.

    Call it before the transaction, for a hash takes its time; `lock` then goes on where this left off.
    """
    with hashing.turn():
        user = User.objects.get(pk=user_id)
        proven = user.check_password(password)
    if not proven:
        EventLogClient.record_alone(UserReauthenticationFailed(user_id=user_id, action=to))
        raise WrongPassword
    return user


def lock(proven: User) -> User:
    """The account's row, locked, if nothing has made the proof worthless meanwhile. Raises AccountChanged."""
    user = User.objects.locked().get(pk=proven.pk)
    if not user.is_active or user.password != proven.password:
        raise AccountChanged
    return user


class WrongPassword(DomainError):
    """The password is wrong: send the one that you log in with."""


class AccountChanged(DomainError):
    """The account was changed at the same moment: look at it, and try again."""
