"""See and change one's own account, and leave it."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from users.addresses import EmailTaken
from users.api.serializers import (
    EmailChangeSerializer,
    PasswordChangeSerializer,
    ProfileSerializer,
    ReauthenticationSerializer,
    UserSerializer,
)
from users.api.views.base import PrivateView, account, refusals
from users.doors import LETTER, PASSWORD_CHECK
from users.reauthentication import AccountChanged, WrongPassword
from users.sessions import SessionEnded
from users.use_cases.change_password import ChangePassword
from users.use_cases.deactivate_user import DeactivateOwnAccount
from users.use_cases.delete_account import DeleteOwnAccount
from users.use_cases.request_email_change import RequestEmailChange
from users.use_cases.update_profile import UpdateProfile


class MeView(PrivateView):
    refusals = refusals(SessionEnded)

    async def get(self, request: Request) -> Response:
        return Response(UserSerializer(account(request)).data)

    async def patch(self, request: Request) -> Response:
        values = await self.validated(ProfileSerializer)
        user = await UpdateProfile(user_id=account(request).pk, values=values).aexecute()
        return Response(UserSerializer(user).data)


class PasswordView(PrivateView):
    refusals = refusals(AccountChanged, WrongPassword)
    guards = PASSWORD_CHECK

    async def post(self, request: Request) -> Response:
        passwords = await self.validated(PasswordChangeSerializer)
        await ChangePassword(user_id=account(request).pk, session=request.auth, **passwords).aexecute()
        return Response(status=HTTPStatus.NO_CONTENT)


class EmailView(PrivateView):
    refusals = refusals(AccountChanged, EmailTaken, WrongPassword)
    guards = (*LETTER, *PASSWORD_CHECK)

    async def post(self, request: Request) -> Response:
        change = await self.validated(EmailChangeSerializer)
        await RequestEmailChange(user_id=account(request).pk, **change).aexecute()
        return Response(status=HTTPStatus.ACCEPTED)


class OwnDeactivationView(PrivateView):
    refusals = refusals(AccountChanged, WrongPassword)
    guards = PASSWORD_CHECK

    async def post(self, request: Request) -> Response:
        proof = await self.validated(ReauthenticationSerializer)
        await DeactivateOwnAccount(user_id=account(request).pk, **proof).aexecute()
        return Response(status=HTTPStatus.NO_CONTENT)


class OwnDeletionView(PrivateView):
    refusals = refusals(AccountChanged, WrongPassword)
    guards = PASSWORD_CHECK

    async def post(self, request: Request) -> Response:
        proof = await self.validated(ReauthenticationSerializer)
        await DeleteOwnAccount(user_id=account(request).pk, **proof).aexecute()
        return Response(status=HTTPStatus.NO_CONTENT)
