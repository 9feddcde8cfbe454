"""Ask for a letter, and bring the token that it held. Whoever reads a letter need not be logged in."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from users.addresses import EmailTaken
from users.api.serializers import AddressSerializer, PasswordResetSerializer, TokenSerializer
from users.api.views.base import PublicView, refusals
from users.doors import CONFIRMATION, LETTER
from users.tokens import TokenExpired, TokenInvalid
from users.use_cases.confirm_email_change import ConfirmEmailChange
from users.use_cases.request_email_verification import RequestEmailVerification
from users.use_cases.request_password_reset import RequestPasswordReset
from users.use_cases.reset_password import ResetPassword
from users.use_cases.verify_email import VerifyEmail


class PasswordResetView(PublicView):
    guards = LETTER

    async def post(self, _request: Request) -> Response:
        await RequestPasswordReset(**await self.validated(AddressSerializer)).aexecute()
        return Response(status=HTTPStatus.ACCEPTED)


class PasswordResetConfirmationView(PublicView):
    refusals = refusals(TokenExpired, TokenInvalid)
    guards = CONFIRMATION

    async def post(self, _request: Request) -> Response:
        await ResetPassword(**await self.validated(PasswordResetSerializer)).aexecute()
        return Response(status=HTTPStatus.NO_CONTENT)


class EmailVerificationView(PublicView):
    guards = LETTER

    async def post(self, _request: Request) -> Response:
        await RequestEmailVerification(**await self.validated(AddressSerializer)).aexecute()
        return Response(status=HTTPStatus.ACCEPTED)


class EmailVerificationConfirmationView(PublicView):
    refusals = refusals(TokenExpired, TokenInvalid)
    guards = CONFIRMATION

    async def post(self, _request: Request) -> Response:
        await VerifyEmail(**await self.validated(TokenSerializer)).aexecute()
        return Response(status=HTTPStatus.NO_CONTENT)


class EmailChangeConfirmationView(PublicView):
    refusals = refusals(EmailTaken, TokenExpired, TokenInvalid)
    guards = CONFIRMATION

    async def post(self, _request: Request) -> Response:
        await ConfirmEmailChange(**await self.validated(TokenSerializer)).aexecute()
        return Response(status=HTTPStatus.NO_CONTENT)
