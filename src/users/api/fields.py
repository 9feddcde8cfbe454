"""Text fields that take text only: Django REST framework's own turn the number 1 into "1".

Text is kept in Unicode's form NFC, so that what looks the same is the same, whichever keyboard it comes from.
"""

from typing import Any

from rest_framework import serializers

from kit.text import composed, trimmed
from users.names import UNREADABLE, demand_readable
from users.passwords import MOST_CHARACTERS


class TextField(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = str(super().to_internal_value(data))
        return trimmed(text) if self.trim_whitespace else composed(text)


class NameField(TextField):
    """A person's name, which may be left empty."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=150, allow_blank=True, validators=[demand_readable], style={"without": UNREADABLE}, **options
        )


class EmailField(TextField, serializers.EmailField):
    """An address, which REST framework's validator looks at."""


class PasswordField(TextField):
    """Every character counts, blanks at the ends too; the bound keeps hashing cheap."""

    def __init__(self) -> None:
        super().__init__(
            write_only=True, trim_whitespace=False, max_length=MOST_CHARACTERS, style={"input_type": "password"}
        )


class NewPasswordField(PasswordField):
    """A password to be: Django's rules are held against it where the account is known."""

    def __init__(self) -> None:
        super().__init__()
        self.style["autocomplete"] = "new-password"


class TokenField(TextField):
    """A token that somebody took out of a letter, with the blanks that came along."""

    def __init__(self) -> None:
        super().__init__(write_only=True, max_length=200)
