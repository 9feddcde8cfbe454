"""Ask for a letter, and bring the token that it held. Whoever reads a letter need not be logged in."""

from http import HTTPStatus
from typing import Any

from asgiref.sync import sync_to_async
from rest_framework.request import Request

from guards.origin import Origin
from kit.api import operation
from users.accounts import EmailTaken
from users.api.serializers import AddressSerializer, PasswordResetSerializer, TokenSerializer
from users.api.views.base import PublicView, refusals
from users.doors import CONFIRMATION, GUESSES, RESET_LETTER, VERIFICATION_LETTER
from users.models import User
from users.tokens import TokenExpired, TokenInvalid
from users.use_cases.confirm_email_change import ConfirmEmailChange
from users.use_cases.request_email_verification import RequestEmailVerification
from users.use_cases.request_password_reset import RequestPasswordReset
from users.use_cases.reset_password import ResetPassword
from users.use_cases.verify_email import VerifyEmail


class PasswordResetView(PublicView):
    guards = RESET_LETTER

    @operation(takes=AddressSerializer, status=HTTPStatus.ACCEPTED)
    async def post(self, _request: Request, address: dict[str, Any]) -> None:
        """Ask for a letter that lets you choose another password.

        The answer does not tell whether there is an account with the address; if there is, the letter is on its way.
        """
        await RequestPasswordReset(**address).aexecute()


class PasswordResetConfirmationView(PublicView):
    refusals = refusals(TokenExpired, TokenInvalid)
    guards = CONFIRMATION

    @operation(takes=PasswordResetSerializer)
    async def post(self, request: Request, reset: dict[str, Any]) -> None:
        """Choose another password, with the token of the letter.

        The token works once. You are logged out everywhere.
        """
        await _welcome(request, await ResetPassword(**reset).aexecute())


class EmailVerificationView(PublicView):
    guards = VERIFICATION_LETTER

    @operation(takes=AddressSerializer, status=HTTPStatus.ACCEPTED)
    async def post(self, _request: Request, address: dict[str, Any]) -> None:
        """Ask for a letter that lets you prove the address to be yours.

        The answer does not tell whether there is an account with the address, or whether it is verified already.
        """
        await RequestEmailVerification(**address).aexecute()


class EmailVerificationConfirmationView(PublicView):
    refusals = refusals(TokenExpired, TokenInvalid)
    guards = CONFIRMATION

    @operation(takes=TokenSerializer)
    async def post(self, request: Request, proof: dict[str, Any]) -> None:
        """Prove that the address is yours, with the token of the letter."""
        await _welcome(request, await VerifyEmail(**proof).aexecute())


class EmailChangeConfirmationView(PublicView):
    refusals = refusals(EmailTaken, TokenExpired, TokenInvalid)
    guards = CONFIRMATION

    @operation(takes=TokenSerializer)
    async def post(self, request: Request, proof: dict[str, Any]) -> None:
        """Take the new address, with the token of the letter that was sent there."""
        await _welcome(request, await ConfirmEmailChange(**proof).aexecute())


async def _welcome(request: Request, user: User) -> None:
    """Whoever reads the account's letters is its owner: guesses made elsewhere do not keep them out from here."""
    await sync_to_async(GUESSES.proved, thread_sensitive=True)(Origin.at(request, account=user.email))
