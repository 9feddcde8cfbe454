"""A person proves who they are and gets a token."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from guards.origin import on_record
from kit.errors import DomainError
from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import hashing, sessions
from users.events import UserLoggedIn, UserLoginFailed
from users.models import User

Reason = Literal["unknown_email", "wrong_password", "inactive", "unverified"]


@dataclass(frozen=True, kw_only=True)
class Login:
    """The token is shown this once: the database has a digest of it."""

    user: User
    token: str = field(repr=False)
    expiry: datetime


@dataclass(frozen=True, kw_only=True)
class LogIn(UseCase[Login]):
    """Exchange e-mail and password for a token.

    Raises InvalidCredentials, whatever of the two was wrong, or EmailNotVerified, to whom has the right password.
    """

    email: str
    password: str = field(repr=False)
    network: str

    def execute(self) -> Login:
        with hashing.turn():
            user = User.objects.with_email(self.email).first()
            reason = self._reason_to_refuse(user)
        if user is None or reason is not None:
            raise self._refused(user, reason=reason or "unknown_email")
        try:
            return self._give_token(user)
        except _Overtaken as overtaken:
            raise self._refused(user, reason=overtaken.reason) from None

    def _reason_to_refuse(self, user: User | None) -> Reason | None:
        if user is None:
            make_password(self.password)  # as long as a check takes, so that the time does not tell who is known
            return "unknown_email"
        if not user.check_password(self.password):
            return "wrong_password"
        if not user.is_active:
            return "inactive"
        return "unverified" if settings.EMAIL_VERIFICATION_REQUIRED and user.email_verified_at is None else None

    def _refused(self, user: User | None, *, reason: Reason) -> DomainError:
        email, user_id = on_record(self.email), user.pk if user else None
        failure = UserLoginFailed(email=email, reason=reason, user_id=user_id, network=self.network)
        EventLogClient.record_alone(failure)
        return EmailNotVerified() if reason == "unverified" else InvalidCredentials()

    def _give_token(self, checked: User) -> Login:
        with transaction.atomic():
            user = User.objects.locked().get(pk=checked.pk)
            # While the password was being checked, somebody may have changed it or switched the account off.
            if not user.is_active:
                raise _Overtaken(reason="inactive")
            if user.password != checked.password:
                raise _Overtaken(reason="wrong_password")
            user.last_login = timezone.now()
            user.save(update_fields=["last_login"])
            session, token = sessions.give(user)
            came = UserLoggedIn(user_id=user.pk, session_id=sessions.id_of(session), network=self.network)
            EventLogClient.record(came, actor_id=user.pk)
        return Login(user=user, token=token, expiry=session.expiry)


class InvalidCredentials(DomainError):
    """The e-mail address or the password is wrong."""


class EmailNotVerified(DomainError):
    """The e-mail address is not verified yet: use the token of the letter that was sent to it, or ask for another."""


class _Overtaken(Exception):
    """The account changed between the check and the token."""

    def __init__(self, *, reason: Reason) -> None:
        self.reason: Reason = reason
        super().__init__(reason)
