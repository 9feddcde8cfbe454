"""Register; and for administrators, find accounts and decide about them."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.urls import reverse
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from guards import denials, idempotency
from guards.idempotency import IDEMPOTENT
from kit.api import operation
from kit.use_case import UseCase
from users.accounts import EmailTaken
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
from users.staff import AccountProtected, OwnAccount, UserUnknown
from users.use_cases.activate_user import ActivateUser
from users.use_cases.deactivate_user import DeactivateUser
from users.use_cases.find_users import FindUsers, GetUser, Page
from users.use_cases.register_user import RegisterUser


class UsersView(PrivateView):
    """Everybody may register; administrators may search."""

    refusals = refusals(EmailTaken)
    guards = (*REGISTRATION, IDEMPOTENT)

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [] if self.request.method == "POST" else super().get_authenticators()

    def get_permissions(self) -> list[BasePermission]:
        return [] if self.request.method == "POST" else [MayViewUsers()]

    @operation(takes=RegistrationSerializer, answers=UserSerializer, status=HTTPStatus.CREATED, location="me")
    async def post(self, _request: Request, registration: dict[str, Any]) -> Response:
        """Make an account.

        The address is kept as you write it and compared without regard to case.
        """
        return await idempotency.answer(RegisterUser(**registration), present=self.present)

    @operation(takes=UserSearchSerializer, answers=UserPageSerializer, refuses=())
    async def get(self, _request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """Find accounts, for administrators.

        They come in the order of their ids; `next` is where the next page is, null if this is the last one.
        """
        page = await FindUsers(**query).aexecute()
        return {"results": page.users, "next": _address_of_next(page, query)}


class UserView(PrivateView):
    permission_classes = (MayViewUsers,)
    refusals = refusals(UserUnknown)

    @operation(answers=ManagedUserSerializer)
    async def get(self, _request: Request, user_id: int) -> User:
        """See an account, for administrators."""
        return await GetUser(user_id=user_id).aexecute()


class ActivationView(PrivateView):
    permission_classes = (MayChangeUsers,)
    refusals = refusals(AccountProtected, OwnAccount, UserUnknown)

    @operation(answers=ManagedUserSerializer)
    async def post(self, request: Request, user_id: int) -> User:
        """Switch an account on, for administrators."""
        return await _decide(request, ActivateUser(user_id=user_id, by=account(request)))


class DeactivationView(PrivateView):
    permission_classes = (MayChangeUsers,)
    refusals = refusals(AccountProtected, OwnAccount, UserUnknown)

    @operation(answers=ManagedUserSerializer)
    async def post(self, request: Request, user_id: int) -> User:
        """Switch an account off, for administrators.

        Its owner is logged out everywhere.
        """
        return await _decide(request, DeactivateUser(user_id=user_id, by=account(request)))


async def _decide(request: Request, decision: UseCase[User]) -> User:
    """Carry out the decision; one that is not theirs to take leaves an event."""
    try:
        return await decision.aexecute()
    except AccountProtected:
        record = sync_to_async(denials.record, thread_sensitive=True)
        await record(request, user_id=account(request).pk, resource=type(decision).__name__)
        raise


def _address_of_next(page: Page, query: dict[str, Any]) -> str | None:
    if page.next_after is None:
        return None
    asked = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{reverse('users')}?{urlencode({**asked, 'after': page.next_after})}"
