"""A person looks at where they are logged in."""

from dataclasses import dataclass

from django.utils import timezone
from knox.models import AuthToken

from kit.use_case import UseCase


@dataclass(frozen=True, kw_only=True)
class ListSessions(UseCase[list[AuthToken]]):
    """The account's sessions that have not expired, the latest first."""

    user_id: int

    def execute(self) -> list[AuthToken]:
        return list(AuthToken.objects.filter(user=self.user_id, expiry__gt=timezone.now()).order_by("-created"))
