"""The shapes that go in and out."""

from typing import Any, ClassVar

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from users.api.fields import EmailField, PasswordField, TextField
from users.models import User


class RegistrationSerializer(serializers.Serializer[User]):
    email = EmailField(max_length=254)
    password = PasswordField()
    first_name = TextField(max_length=150, allow_blank=True, default="")
    last_name = TextField(max_length=150, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Hold the password against the account it is for, too (it must not be like the name)."""
        account = {name: value for name, value in attrs.items() if name != "password"}
        try:
            validate_password(attrs["password"], user=User(**account))
        except ValidationError as error:
            raise serializers.ValidationError({"password": get_error_detail(error)}) from None
        return attrs


class LoginSerializer(serializers.Serializer[User]):
    email = TextField(max_length=254)
    password = PasswordField()


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields: ClassVar = ["id", "email", "first_name", "last_name", "created_at"]
        read_only_fields = fields
