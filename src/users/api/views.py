"""Register, log in, see oneself."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, cast

from django.urls import reverse
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from guards import idempotency
from guards.idempotency import IDEMPOTENT
from kit.api import AsyncAPIView
from kit.errors import DomainError
from users.api.serializers import LoginSerializer, RegistrationSerializer, UserSerializer
from users.doors import LOGIN, REGISTRATION
from users.use_cases.log_in import InvalidCredentials, LogIn
from users.use_cases.register_user import EmailTaken, RegisterUser

if TYPE_CHECKING:
    from users.models import User

REFUSALS: Mapping[type[DomainError], HTTPStatus] = {
    EmailTaken: HTTPStatus.CONFLICT,
    InvalidCredentials: HTTPStatus.UNAUTHORIZED,
}


class PublicView(AsyncAPIView):
    """Open to everybody; a token that happens to be sent along is not looked at."""

    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = []
    permission_classes: ClassVar[list[type[BasePermission]]] = []
    refusals = REFUSALS


class UsersView(PublicView):
    guards = (*REGISTRATION, IDEMPOTENT)

    async def post(self, _request: Request) -> Response:
        registration = await self.validated(RegistrationSerializer)
        return await idempotency.answer(RegisterUser(**registration), present=_registered)


class LoginView(PublicView):
    guards = LOGIN

    async def post(self, _request: Request) -> Response:
        credentials = await self.validated(LoginSerializer)
        login = await LogIn(**credentials).aexecute()
        return Response({"token": login.token, "expiry": login.expiry, "user": UserSerializer(login.user).data})


def _registered(user: "User") -> Response:
    return Response(UserSerializer(user).data, status=HTTPStatus.CREATED, headers={"Location": reverse("me")})


class MeView(AsyncAPIView):
    async def get(self, request: Request) -> Response:
        return Response(UserSerializer(cast("User", request.user)).data)
