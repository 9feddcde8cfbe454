"""What administrators may do over the API is what they may do in the admin."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class MayViewUsers(BasePermission):
    """Staff with Django's permission to view accounts; superusers have all permissions."""

    permission = "users.view_user"

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 -- REST framework's signature
        return bool(request.user.is_authenticated and request.user.is_staff and request.user.has_perm(self.permission))


class MayChangeUsers(MayViewUsers):
    """The same, to change them."""

    permission = "users.change_user"
