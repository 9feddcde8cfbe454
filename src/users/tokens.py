"""The tokens that letters carry. They are signed and kept nowhere.

A token is signed over the part of the account that its use changes, so it works once, and not at all after any other
change that makes it pointless. SECRET_KEY_FALLBACKS holds for them as for everything that Django signs.
"""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from kit.errors import DomainError
from users.events import Purpose
from users.models import User

_STATES: dict[Purpose, Callable[[User], tuple[object, ...]]] = {
    "reset_password": lambda user: (user.password, user.email, str(user.last_login)),
    "confirm_email_change": lambda user: (user.password, user.email, user.pending_email),
    "verify_email": lambda user: (user.email, str(user.email_verified_at)),
}

_MOST_DIGITS = 19  # of a bigint


def make(purpose: Purpose, user: User) -> str:
    """A token that lets its bearer do this one thing to this one account."""
    return _signer(purpose, user).sign(str(user.pk))


def check(purpose: Purpose, token: str, *, user: User | None) -> User:
    """The account, if the token is good for it now. Raises TokenExpired or TokenInvalid."""
    if user is None or not user.is_active:
        raise TokenInvalid
    try:
        _signer(purpose, user).unsign(token, max_age=timedelta(seconds=lifetime(purpose)))
    except SignatureExpired:
        raise TokenExpired from None
    except BadSignature:
        raise TokenInvalid from None
    return user


def claimed_user(token: str) -> int:
    """Whose the token says it is, 0 when it says nothing; to be believed only after `check`."""
    claimed, _, _ = token.partition(":")
    return int(claimed) if claimed.isascii() and claimed.isdecimal() and len(claimed) <= _MOST_DIGITS else 0


def lifetime(purpose: Purpose) -> float:
    """How many seconds a token is good for."""
    seconds: float = settings.PASSWORD_RESET_SECONDS
    if purpose != "reset_password":
        seconds = settings.EMAIL_CONFIRMATION_SECONDS
    return seconds


def _signer(purpose: Purpose, user: User) -> TimestampSigner:
    return TimestampSigner(salt=f"users.{purpose}:{user.pk}:{_STATES[purpose](user)!r}")


class TokenInvalid(DomainError):
    """The token is not valid: it was used, or something was changed since, or it was never sent. Ask for another."""


class TokenExpired(DomainError):
    """The token has expired: ask for another."""
