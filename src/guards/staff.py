"""Doors for staff with one of Django's permissions. Whoever is logged in, and may not come in, leaves an event."""

from typing import Any, ClassVar, NoReturn, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from guards import denials
from kit.api import AsyncAPIView


class StaffPermission(BasePermission):
    """Staff with the permission that a subclass names; superusers have all of them."""

    permission: ClassVar[str]

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 -- REST framework's signature
        return bool(request.user.is_authenticated and request.user.is_staff and request.user.has_perm(self.permission))


class RecordedDenials(AsyncAPIView):
    """A view on whose record it is when somebody who is logged in asks for what is not theirs."""

    def permission_denied(self, request: Request, message: Any = None, code: Any = None) -> NoReturn:
        if request.successful_authenticator:
            denials.record(request, user_id=cast("int", request.user.pk), resource=type(self).__name__)
        super().permission_denied(request, message=message, code=code)
        raise AssertionError("REST framework's permission_denied raises")
