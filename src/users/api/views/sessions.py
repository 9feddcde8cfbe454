"""Log in and out; see, exchange and end one's sessions."""

from typing import Any

from knox.models import AuthToken
from rest_framework.request import Request

from guards.network import network_of
from kit.api import operation
from users.api.serializers import LoginAnswerSerializer, LoginSerializer, SessionsSerializer
from users.api.views.base import PrivateView, PublicView, account, refusals
from users.doors import ENDING, LOGIN
from users.sessions import SessionEnded
from users.use_cases.list_sessions import ListSessions
from users.use_cases.log_in import EmailNotVerified, InvalidCredentials, LogIn, Login
from users.use_cases.log_out import LogOut
from users.use_cases.log_out_everywhere import LogOutEverywhere
from users.use_cases.revoke_session import RevokeSession, SessionUnknown
from users.use_cases.rotate_token import RotateToken


class LoginView(PublicView):
    refusals = refusals(InvalidCredentials, EmailNotVerified)
    guards = LOGIN

    @operation(takes=LoginSerializer, answers=LoginAnswerSerializer)
    async def post(self, request: Request, credentials: dict[str, Any]) -> Login:
        """Log in.

        The token is shown this once. A wrong password, an unknown address and an account that was switched off are
        answered alike.
        """
        return await LogIn(**credentials, network=network_of(request)).aexecute()


class LogoutView(PrivateView):
    guards = ENDING

    @operation()
    async def post(self, request: Request) -> None:
        """Log out: give this token back."""
        await LogOut(user_id=account(request).pk, session=request.auth).aexecute()


class LogoutEverywhereView(PrivateView):
    refusals = refusals(SessionEnded)
    guards = ENDING

    @operation()
    async def post(self, request: Request) -> None:
        """Log out everywhere: give all your tokens back."""
        await LogOutEverywhere(user_id=account(request).pk).aexecute()


class RotationView(PrivateView):
    refusals = refusals(SessionEnded)

    @operation(answers=LoginAnswerSerializer)
    async def post(self, request: Request) -> Login:
        """Exchange your token for a new one.

        The old one opens nothing any more. The new one lasts as long again, up to a limit after the login.
        """
        return await RotateToken(user_id=account(request).pk, session=request.auth).aexecute()


class SessionsView(PrivateView):
    @operation(answers=SessionsSerializer)
    async def get(self, request: Request) -> dict[str, list[AuthToken]]:
        """List your sessions, this one among them."""
        return {"results": await ListSessions(user_id=account(request).pk).aexecute()}


class SessionView(PrivateView):
    refusals = refusals(SessionEnded, SessionUnknown)
    guards = ENDING

    @operation()
    async def delete(self, request: Request, session_id: str) -> None:
        """End one of your sessions."""
        await RevokeSession(user_id=account(request).pk, session_id=session_id).aexecute()
