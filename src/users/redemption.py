"""Redeeming the token of a letter: it is looked at under the account's lock, and every refusal is recorded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from outbox.client import EventLogClient
from users import tokens
from users.events import Purpose, UserTokenRefused
from users.models import User
from users.tokens import TokenExpired, TokenInvalid


def look(purpose: Purpose, token: str) -> User:
    """The account the token is good for at this moment. Raises TokenExpired or TokenInvalid."""
    return tokens.check(purpose, token, user=User.objects.filter(pk=tokens.claimed_user(token)).first())


def lock(purpose: Purpose, token: str) -> User:
    """The same, with the account locked: of two who bring one token, the second finds it used."""
    return tokens.check(purpose, token, user=User.objects.locked().filter(pk=tokens.claimed_user(token)).first())


@contextmanager
def recording_refusals(purpose: Purpose, token: str) -> Iterator[None]:
    """Around all of it, outside the transaction, which a refusal rolls back."""
    try:
        yield
    except TokenExpired:
        _record(purpose, token, reason="expired")
        raise
    except TokenInvalid:
        _record(purpose, token, reason="invalid")
        raise


def _record(purpose: Purpose, token: str, *, reason: Literal["expired", "invalid"]) -> None:
    known = User.objects.filter(pk=tokens.claimed_user(token)).values_list("pk", flat=True).first()
    EventLogClient.record_alone(UserTokenRefused(purpose=purpose, reason=reason, user_id=known))
