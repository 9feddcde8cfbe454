"""How accounts are found and made: an e-mail address, in whatever case it is typed, is one account's."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.hashers import make_password
from django.db import models, transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone

from kit.errors import DomainError
from outbox.client import EventLogClient
from users.events import UserPermissionsChanged, UserRegistered

if TYPE_CHECKING:
    from users.models import User


class UserManager(BaseUserManager["User"]):
    def with_email(self, email: str) -> models.QuerySet["User"]:
        """Those (one or none) with this address in any spelling of upper and lower case, by the unique index."""
        return self.filter(Exact(Lower("email"), Lower(Value(email))))

    def locked(self) -> models.QuerySet["User"]:
        """Accounts to be changed: whoever else changes one waits. An account's row is locked before its tokens."""
        return self.select_for_update(no_key=True)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.with_email(username or "").get()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        hashed = make_password(password)  # before the transaction: it takes its time
        return self.create_hashed(email, hashed, **fields)

    def create_hashed(self, email: str, hashed: str, **fields: Any) -> "User":
        """Make an account of a password's hash. Raises EmailTaken, also if somebody else is a moment faster.

        The address first, then the hash. A statement that PostgreSQL refuses stands in its log, values and all: so the
        first one is not refused but does nothing if the address is taken, and the second has no address in it.
        """
        with transaction.atomic(using=self._db):
            wanted = self.model(email=email, **fields)
            wanted.set_unusable_password()  # random, so it tells this account from one that was there already
            self.bulk_create([wanted], ignore_conflicts=True)
            user = self.with_email(email).first()
            if user is None:
                # Something else is in the way, such as a sequence that lags behind: have PostgreSQL say it.
                wanted.save(using=self._db, force_insert=True)
                user = wanted
            if user.password != wanted.password:
                raise EmailTaken(email=email)
            user.password = hashed
            user.save(using=self._db, update_fields=["password"])
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an administrator, with the events; whoever can call this vouches for the address."""
        privileges = {"is_staff": True, "is_superuser": True}
        known = {**privileges, "email_verified_at": timezone.now(), **fields}
        hashed = make_password(password)
        with transaction.atomic():
            user = self.create_hashed(email, hashed, **known)
            EventLogClient.record(UserRegistered(user_id=user.pk, email=user.email))
            EventLogClient.record(
                UserPermissionsChanged(
                    user_id=user.pk, fields=sorted(privileges), groups=[], permissions=[], **privileges
                )
            )
        return user


class EmailTaken(DomainError):
    """There is an account with the e-mail address {email}: log in, or use another address."""
