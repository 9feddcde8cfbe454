"""`manage.py changepassword ADDRESS`: give somebody another password, recorded as in the admin."""

from getpass import getpass
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from users.administration import give_password
from users.models import User


class Command(changepassword.Command):
    help = "Give the account with this e-mail address another password and end its sessions."

    def handle(self, *_: Any, **options: Any) -> str:
        address = options["username"] or ""
        user = User.objects.with_email(address).filter(deleted_at=None).first()
        if user is None:
            raise CommandError(f"there is no account with the e-mail address {address!r}: give another")
        encoded = make_password(_asked_for(user))
        with transaction.atomic():
            give_password(User.objects.locked().get(pk=user.pk), encoded)
        return f"{user} has another password"


def _asked_for(user: User) -> str:
    password = getpass(f"New password for {user}: ")
    if password != getpass("The same again: "):
        raise CommandError("these are two passwords: nothing was changed")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    return password
