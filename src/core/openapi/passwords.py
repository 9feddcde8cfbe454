"""What is asked of a new password, read from Django's validators: as JSON Schema where it can say it, else in words."""

from django.contrib.auth.password_validation import (
    MinimumLengthValidator,
    NumericPasswordValidator,
    get_default_password_validators,
)

from core.openapi.components import Json
from users.passwords import NotBlankValidator

_BLANK = r"\s\u001c-\u001f\u0085"
# Something that is neither, or one of each.
_NEITHER_ONLY_DIGITS_NOR_ONLY_BLANKS = (
    rf"^[^\u0000]*(?:[^\d{_BLANK}\u0000]|\d[^\u0000]*[{_BLANK}]|[{_BLANK}][^\u0000]*\d)[^\u0000]*$"
)


def new_password() -> Json:
    """The keywords that a new password's schema has beyond any password's."""
    validators = get_default_password_validators()
    schema: Json = {"description": " ".join(str(each.get_help_text()) for each in validators)}
    for validator in validators:
        if isinstance(validator, MinimumLengthValidator):
            schema["minLength"] = validator.min_length
    if {NumericPasswordValidator, NotBlankValidator} <= {type(each) for each in validators}:
        schema["pattern"] = _NEITHER_ONLY_DIGITS_NOR_ONLY_BLANKS
    return schema
