"""A person has their account deleted: what is personal goes, a tombstone with the id stays."""

from dataclasses import dataclass, field

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q

from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import reauthentication, sessions
from users.events import UserDeleted
from users.models import Letter, User


@dataclass(frozen=True, kw_only=True)
class DeleteOwnAccount(UseCase[None]):
    """Erase one's own account. Raises WrongPassword or AccountChanged."""

    user_id: int
    password: str = field(repr=False)

    def execute(self) -> None:
        proven = reauthentication.prove(self.user_id, self.password, to="delete")
        with transaction.atomic():
            delete(reauthentication.lock(proven))


def delete(user: User) -> None:
    """Erase the account, within the caller's transaction. See docs/accounts.md for what stays, and why."""
    sessions.revoke(user, reason="deleted")
    Letter.objects.filter(Q(user=user) | Q(address__iexact=user.email)).delete()
    user.erase()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
    # The admin's history quotes the name of what it is about.
    own = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=own, object_id=str(user.pk)).update(object_repr=str(user))
    EventLogClient.record(UserDeleted(user_id=user.pk))
