"""See and change one's own account, and leave it."""

from http import HTTPStatus
from typing import Any

from rest_framework.request import Request

from kit.api import operation
from users.accounts import EmailTaken
from users.api.serializers import (
    EmailChangeSerializer,
    PasswordChangeSerializer,
    ProfileSerializer,
    ReauthenticationSerializer,
    UserSerializer,
)
from users.api.views.base import PrivateView, account, refusals
from users.doors import EMAIL_CHANGE, PASSWORD_CHECK
from users.models import User
from users.reauthentication import AccountChanged, WrongPassword
from users.sessions import SessionEnded
from users.use_cases.change_password import ChangePassword
from users.use_cases.deactivate_user import DeactivateOwnAccount
from users.use_cases.delete_account import DeleteOwnAccount
from users.use_cases.request_email_change import RequestEmailChange
from users.use_cases.update_profile import UpdateProfile


class MeView(PrivateView):
    refusals = refusals(SessionEnded)

    @operation(answers=UserSerializer, refuses=())
    async def get(self, request: Request) -> User:
        """See yourself."""
        return account(request)

    @operation(takes=ProfileSerializer, answers=UserSerializer)
    async def patch(self, request: Request, values: dict[str, Any]) -> User:
        """Change your particulars.

        What you leave out stays as it is.
        """
        return await UpdateProfile(user_id=account(request).pk, values=values).aexecute()


class PasswordView(PrivateView):
    refusals = refusals(AccountChanged, WrongPassword)
    guards = PASSWORD_CHECK

    @operation(takes=PasswordChangeSerializer)
    async def post(self, request: Request, passwords: dict[str, Any]) -> None:
        """Change your password.

        You stay logged in here and are logged out everywhere else.
        """
        await ChangePassword(user_id=account(request).pk, session=request.auth, **passwords).aexecute()


class EmailView(PrivateView):
    refusals = refusals(AccountChanged, EmailTaken, WrongPassword)
    guards = EMAIL_CHANGE

    @operation(takes=EmailChangeSerializer, status=HTTPStatus.ACCEPTED)
    async def post(self, request: Request, change: dict[str, Any]) -> None:
        """Ask for another address.

        A letter is sent there, and its token confirms the change; your present address is told.
        """
        await RequestEmailChange(user_id=account(request).pk, **change).aexecute()


class OwnDeactivationView(PrivateView):
    refusals = refusals(AccountChanged, WrongPassword)
    guards = PASSWORD_CHECK

    @operation(takes=ReauthenticationSerializer)
    async def post(self, request: Request, proof: dict[str, Any]) -> None:
        """Switch your account off.

        You are logged out everywhere; an administrator can switch it on again.
        """
        await DeactivateOwnAccount(user_id=account(request).pk, **proof).aexecute()


class OwnDeletionView(PrivateView):
    refusals = refusals(AccountChanged, WrongPassword)
    guards = PASSWORD_CHECK

    @operation(takes=ReauthenticationSerializer)
    async def post(self, request: Request, proof: dict[str, Any]) -> None:
        """Delete your account, for good.

        Your address and names are erased; the id stays, so that earlier events can still be told apart.
        """
        await DeleteOwnAccount(user_id=account(request).pk, **proof).aexecute()
