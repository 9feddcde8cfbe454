"""Whether a password will do, and what goes with a new one."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from users.models import User

# It keeps hashing cheap. Fields that take a password take no longer one, so none may be given.
MOST_CHARACTERS = 128


class MaximumLengthValidator:
    """A password that is too long to log in with is not acceptable."""

    def validate(self, password: str, user: object = None) -> None:  # noqa: ARG002 -- the signature is Django's
        if len(password) > MOST_CHARACTERS:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"A password has at most {MOST_CHARACTERS} characters."


class NotBlankValidator:
    """A password of blanks alone is taken for none: by whoever reads it, and by forms that trim what is typed."""

    def validate(self, password: str, user: object = None) -> None:  # noqa: ARG002 -- the signature is Django's
        if not password.strip():
            raise ValidationError(self.get_help_text(), code="password_blank")

    def get_help_text(self) -> str:
        return "A password has more than blanks in it."


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
