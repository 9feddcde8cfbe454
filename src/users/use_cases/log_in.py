"""A person proves who they are and gets a token."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from knox.models import AuthToken

from kit.errors import DomainError
from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import hashing
from users.events import UserLoggedIn, UserLoginFailed
from users.models import User


@dataclass(frozen=True, kw_only=True)
class Login:
    """The token is shown this once: the database has a digest of it."""

    user: User
    token: str = field(repr=False)
    expiry: datetime


@dataclass(frozen=True, kw_only=True)
class LogIn(UseCase[Login]):
    """Exchange e-mail and password for a token. Raises InvalidCredentials, whatever of the two was wrong."""

    email: str
    password: str = field(repr=False)

    def execute(self) -> Login:
        with hashing.turn():
            user = User.objects.with_email(self.email).first()
            reason = self._reason_to_refuse(user)
        if user is None or reason is not None:
            self._record_failure(user, reason=reason or "unknown_email")
            raise InvalidCredentials
        return self._give_token(user)

    def _reason_to_refuse(self, user: User | None) -> Literal["unknown_email", "wrong_password", "inactive"] | None:
        if user is None:
            make_password(self.password)  # as long as a check takes, so that the time does not tell who is known
            return "unknown_email"
        if not user.check_password(self.password):
            return "wrong_password"
        return None if user.is_active else "inactive"

    def _record_failure(
        self, user: User | None, *, reason: Literal["unknown_email", "wrong_password", "inactive"]
    ) -> None:
        user_id = user.pk if user else None
        EventLogClient.record_alone(UserLoginFailed(email=self.email, reason=reason, user_id=user_id))

    def _give_token(self, user: User) -> Login:
        with transaction.atomic():
            AuthToken.objects.filter(user=user, expiry__lte=timezone.now()).delete()
            stored, token = AuthToken.objects.create(user=user)
            EventLogClient.record(UserLoggedIn(user_id=user.pk), actor_id=user.pk)
        return Login(user=user, token=token, expiry=stored.expiry)


class InvalidCredentials(DomainError):
    """The e-mail address or the password is wrong."""
