"""What administrators may decide about other people's accounts."""

from django.contrib.auth.models import Permission
from django.db.models import Q

from kit.errors import DomainError
from users.models import User


def account_to_decide_on(user_id: int, *, by: User) -> User:
    """The account, locked. Raises UserUnknown, OwnAccount or AccountProtected."""
    user = User.objects.locked().filter(pk=user_id, deleted_at=None).first()
    if user is None:
        raise UserUnknown(user_id=user_id)
    if user.pk == by.pk:
        raise OwnAccount
    if not may_decide_about(user, by=by):
        raise AccountProtected
    return user


def may_decide_about(user: User, *, by: User) -> bool:
    """Whether `by` may do all that the account may: who changes its address or password could use it."""
    if by.is_superuser:
        return True
    return not user.is_superuser and _permissions_of(user) <= _permissions_of(by)


def _permissions_of(user: User) -> set[int]:
    """What was given to the account or its groups, whether or not it is switched on (Django leaves out who is not)."""
    return set(Permission.objects.filter(Q(user=user) | Q(group__user=user)).values_list("pk", flat=True))


class UserUnknown(DomainError):
    """There is no account {user_id}: it never was, or it was deleted."""


class OwnAccount(DomainError):
    """An administrator decides about others' accounts only, and this one is yours."""


class AccountProtected(DomainError):
    """The account may do what you may not, so only somebody who may do all of that decides about it."""
