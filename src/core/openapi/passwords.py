"""What is asked of a new password, read from Django's validators: as JSON Schema where it can say it, else in words."""

from django.contrib.auth.password_validation import (
    MinimumLengthValidator,
    NumericPasswordValidator,
    get_default_password_validators,
)

from core.openapi.components import Json

_NOT_ONLY_DIGITS = r"^[^\u0000]*[^\d\u0000][^\u0000]*$"


def new_password() -> Json:
    """The keywords that a new password's schema has beyond any password's."""
    validators = get_default_password_validators()
    schema: Json = {"description": " ".join(str(each.get_help_text()) for each in validators)}
    for validator in validators:
        if isinstance(validator, MinimumLengthValidator):
            schema["minLength"] = validator.min_length
        if isinstance(validator, NumericPasswordValidator):
            schema["pattern"] = _NOT_ONLY_DIGITS
    return schema
