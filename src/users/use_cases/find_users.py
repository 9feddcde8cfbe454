"""An administrator looks for accounts."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from kit.use_case import UseCase
from users.models import User
from users.staff import UserUnknown


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some accounts in the order of their ids, and the last of those ids if there are more behind it."""

    users: list[User]
    next_after: int | None


@dataclass(frozen=True, kw_only=True)
class FindUsers(UseCase[Page]):
    """Accounts that match, except deleted ones. The page begins behind an id, so that it costs the same everywhere."""

    search: str = ""
    is_active: bool | None = None
    is_staff: bool | None = None
    after: int = 0
    limit: int = 50

    def execute(self) -> Page:
        found = list(self._matching().order_by("pk")[: self.limit + 1])
        users = found[: self.limit]
        return Page(users=users, next_after=users[-1].pk if len(found) > self.limit else None)

    def _matching(self) -> QuerySet[User]:
        matching = User.objects.filter(deleted_at=None, pk__gt=self.after)
        for name in ("is_active", "is_staff"):
            if (wanted := getattr(self, name)) is not None:
                matching = matching.filter(**{name: wanted})
        for word in self.search.split():
            matching = matching.filter(
                Q(email__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
            )
        return matching


@dataclass(frozen=True, kw_only=True)
class GetUser(UseCase[User]):
    """One account. Raises UserUnknown."""

    user_id: int

    def execute(self) -> User:
        user = User.objects.filter(pk=self.user_id, deleted_at=None).first()
        if user is None:
            raise UserUnknown(user_id=self.user_id)
        return user
