"""Register; and for administrators, find accounts and decide about them."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from guards import idempotency
from guards.idempotency import IDEMPOTENT
from users.addresses import EmailTaken
from users.api.permissions import MayChangeUsers, MayViewUsers
from users.api.serializers import (
    ManagedUserSerializer,
    RegistrationSerializer,
    UserPageSerializer,
    UserSearchSerializer,
    UserSerializer,
)
from users.api.views.base import PrivateView, account, refusals
from users.doors import REGISTRATION
from users.models import User
from users.staff import OwnAccount, SuperuserProtected, UserUnknown
from users.use_cases.activate_user import ActivateUser
from users.use_cases.deactivate_user import DeactivateUser
from users.use_cases.find_users import FindUsers, GetUser, Page
from users.use_cases.register_user import RegisterUser


class UsersView(PrivateView):
    """Everybody may register; administrators may search."""

    refusals = refusals(EmailTaken)
    guards = (*REGISTRATION, IDEMPOTENT)

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [] if self._is_open() else super().get_authenticators()

    def get_permissions(self) -> list[BasePermission]:
        return [] if self._is_open() else [MayViewUsers()]

    def _is_open(self) -> bool:
        """Whether this is a registration, or a method that there is no answer to but 405."""
        method = (self.request.method or "").lower()
        return method == "post" or not hasattr(self, method)

    async def post(self, _request: Request) -> Response:
        registration = await self.validated(RegistrationSerializer)
        return await idempotency.answer(RegisterUser(**registration), present=_registered)

    async def get(self, _request: Request) -> Response:
        query = await self.validated_query(UserSearchSerializer)
        page = await FindUsers(**query).aexecute()
        return Response(UserPageSerializer({"results": page.users, "next": _address_of_next(page, query)}).data)


class UserView(PrivateView):
    permission_classes = (MayViewUsers,)
    refusals = refusals(UserUnknown)

    async def get(self, _request: Request, user_id: int) -> Response:
        return Response(ManagedUserSerializer(await GetUser(user_id=user_id).aexecute()).data)


class ActivationView(PrivateView):
    permission_classes = (MayChangeUsers,)
    refusals = refusals(OwnAccount, SuperuserProtected, UserUnknown)

    async def post(self, request: Request, user_id: int) -> Response:
        user = await ActivateUser(user_id=user_id, by=account(request)).aexecute()
        return Response(ManagedUserSerializer(user).data)


class DeactivationView(PrivateView):
    permission_classes = (MayChangeUsers,)
    refusals = refusals(OwnAccount, SuperuserProtected, UserUnknown)

    async def post(self, request: Request, user_id: int) -> Response:
        user = await DeactivateUser(user_id=user_id, by=account(request)).aexecute()
        return Response(ManagedUserSerializer(user).data)


def _registered(user: User) -> Response:
    return Response(UserSerializer(user).data, status=HTTPStatus.CREATED, headers={"Location": reverse("me")})


def _address_of_next(page: Page, query: dict[str, Any]) -> str | None:
    if page.next_after is None:
        return None
    asked = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{reverse('users')}?{urlencode({**asked, 'after': page.next_after})}"
