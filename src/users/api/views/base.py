"""What the views share: who may come in, and which status each refusal has."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar, cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from guards.staff import RecordedDenials
from kit.api import AsyncAPIView, Guard
from kit.errors import DomainError
from users.accounts import EmailTaken
from users.doors import CHANGE
from users.models import User
from users.reauthentication import AccountChanged, WrongPassword
from users.sessions import SessionEnded
from users.staff import AccountProtected, OwnAccount, UserUnknown
from users.tokens import TokenExpired, TokenInvalid
from users.use_cases.log_in import EmailNotVerified, InvalidCredentials
from users.use_cases.revoke_session import SessionUnknown

REFUSALS: Mapping[type[DomainError], HTTPStatus] = {
    AccountChanged: HTTPStatus.CONFLICT,
    AccountProtected: HTTPStatus.FORBIDDEN,
    EmailNotVerified: HTTPStatus.FORBIDDEN,
    EmailTaken: HTTPStatus.CONFLICT,
    InvalidCredentials: HTTPStatus.UNAUTHORIZED,
    OwnAccount: HTTPStatus.CONFLICT,
    SessionEnded: HTTPStatus.UNAUTHORIZED,
    SessionUnknown: HTTPStatus.NOT_FOUND,
    TokenExpired: HTTPStatus.BAD_REQUEST,
    TokenInvalid: HTTPStatus.BAD_REQUEST,
    UserUnknown: HTTPStatus.NOT_FOUND,
    WrongPassword: HTTPStatus.FORBIDDEN,
}


def refusals(*errors: type[DomainError]) -> Mapping[type[DomainError], HTTPStatus]:
    """The errors that a view's use cases raise, with their statuses."""
    return {error: REFUSALS[error] for error in errors}


class PrivateView(RecordedDenials):
    """Open to those who are logged in. Whoever is, and may not, leaves an event."""

    guards: ClassVar[tuple[Guard, ...]] = CHANGE


class PublicView(AsyncAPIView):
    """Open to everybody; a token that happens to be sent along is not looked at."""

    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = []
    permission_classes: ClassVar[list[type[BasePermission]]] = []


def account(request: Request) -> User:
    """Who makes the request, behind a door that lets nobody else in."""
    return cast("User", request.user)
