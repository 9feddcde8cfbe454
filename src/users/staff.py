"""What administrators may decide about other people's accounts."""

from kit.errors import DomainError
from users.models import User


def account_to_decide_on(user_id: int, *, by: User) -> User:
    """The account, locked. Raises UserUnknown, OwnAccount or SuperuserProtected."""
    user = User.objects.locked().filter(pk=user_id, deleted_at=None).first()
    if user is None:
        raise UserUnknown(user_id=user_id)
    if user.pk == by.pk:
        raise OwnAccount
    if user.is_superuser and not by.is_superuser:
        raise SuperuserProtected
    return user


class UserUnknown(DomainError):
    """There is no account {user_id}: it never was, or it was deleted."""


class OwnAccount(DomainError):
    """An administrator decides about others' accounts only, and this one is yours."""


class SuperuserProtected(DomainError):
    """The account is a superuser's, so only another superuser may decide about it."""
