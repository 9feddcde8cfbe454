"""A person has their account deleted: what is personal goes, a tombstone with the id stays."""

from dataclasses import dataclass, field

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from guards.models import KeptAnswer
from kit.use_case import UseCase
from outbox.client import EventLogClient
from users import reauthentication, sessions
from users.events import UserDeleted
from users.letters import desk
from users.models import Letter, User

# They offer something, which is past now. The others warn the owner, who may not be the one who deletes the account.
_OFFERS = (Letter.Kind.CONFIRM_EMAIL_CHANGE, Letter.Kind.EMAIL_CHANGE_REQUESTED)


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
    _drop_letters(user)
    _forget_answers(user)
    desk.write(Letter.Kind.ACCOUNT_DELETED, address=user.email, user=user)
    user.erase()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
    # The admin's history quotes the name of what it is about.
    own = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=own, object_id=str(user.pk)).update(object_repr=str(user))
    EventLogClient.record(UserDeleted(user_id=user.pk))


def _drop_letters(user: User) -> None:
    """Drop what is pointless now, and the letters that were given up, which would keep the address."""
    own = Exact(Lower("address"), Lower(Value(user.email)))
    Letter.objects.filter(own, user=None).delete()
    Letter.objects.filter(Q(kind__in=_OFFERS) | Q(given_up_at__isnull=False), user=user).delete()


def _forget_answers(user: User) -> None:
    """Forget the answers that show the account: a registration that is sent again would have its address and names.

    They are looked for among a day's registrations without an index, which a deletion is rare enough for.
    """
    KeptAnswer.objects.filter(body__startswith=f'{{"id":{user.pk},').delete()
