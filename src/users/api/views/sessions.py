"""Log in and out; see, exchange and end one's sessions."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from users.api.serializers import LoginAnswerSerializer, LoginSerializer, SessionsSerializer
from users.api.views.base import PrivateView, PublicView, account, refusals
from users.doors import LOGIN
from users.sessions import SessionEnded
from users.use_cases.list_sessions import ListSessions
from users.use_cases.log_in import EmailNotVerified, InvalidCredentials, LogIn
from users.use_cases.log_out import LogOut
from users.use_cases.log_out_everywhere import LogOutEverywhere
from users.use_cases.revoke_session import RevokeSession, SessionUnknown
from users.use_cases.rotate_token import RotateToken


class LoginView(PublicView):
    refusals = refusals(InvalidCredentials, EmailNotVerified)
    guards = LOGIN

    async def post(self, _request: Request) -> Response:
        credentials = await self.validated(LoginSerializer)
        return Response(LoginAnswerSerializer(await LogIn(**credentials).aexecute()).data)


class LogoutView(PrivateView):
    async def post(self, request: Request) -> Response:
        await LogOut(user_id=account(request).pk, session=request.auth).aexecute()
        return Response(status=HTTPStatus.NO_CONTENT)


class LogoutEverywhereView(PrivateView):
    refusals = refusals(SessionEnded)

    async def post(self, request: Request) -> Response:
        await LogOutEverywhere(user_id=account(request).pk).aexecute()
        return Response(status=HTTPStatus.NO_CONTENT)


class RotationView(PrivateView):
    refusals = refusals(SessionEnded)

    async def post(self, request: Request) -> Response:
        rotated = await RotateToken(user_id=account(request).pk, session=request.auth).aexecute()
        return Response(LoginAnswerSerializer(rotated).data)


class SessionsView(PrivateView):
    async def get(self, request: Request) -> Response:
        sessions = await ListSessions(user_id=account(request).pk).aexecute()
        return Response(SessionsSerializer({"results": sessions}, context={"current": request.auth}).data)


class SessionView(PrivateView):
    refusals = refusals(SessionEnded, SessionUnknown)

    async def delete(self, request: Request, session_id: str) -> Response:
        await RevokeSession(user_id=account(request).pk, session_id=session_id).aexecute()
        return Response(status=HTTPStatus.NO_CONTENT)
