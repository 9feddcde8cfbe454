"""Whether a password will do, and what goes with a new one."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from users.models import User


def demand_acceptable(password: str, *, user: User, field: str) -> None:
    """Hold the password against Django's rules and the account it is for. Raises ValidationError for the field."""
    try:
        validate_password(password, user=user)
    except ValidationError as error:
        raise ValidationError({field: error}) from None


def give(user: User, encoded: str) -> None:
    """Give the account, which is locked, another password. A change of address asked for under the old one ends."""
    user.password, user.pending_email = encoded, ""
    user.save(update_fields=["password", "pending_email"])
