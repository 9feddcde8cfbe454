"""The shapes that go in and out."""

from typing import Any, ClassVar

from knox.models import AuthToken
from rest_framework import serializers

from users import sessions
from users.api.fields import EmailField, NameField, NewPasswordField, PasswordField, TextField, TokenField
from users.models import User
from users.passwords import demand_acceptable


class RegistrationSerializer(serializers.Serializer[User]):
    example: ClassVar = {
        "email": "ada@example.com",
        "password": "a long way down",
        "first_name": "Ada",
        "last_name": "Lovelace",
    }

    email = EmailField(max_length=254)
    password = NewPasswordField()
    first_name = NameField(default="")
    last_name = NameField(default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Hold the password against the account it is for, too (it must not be like the name)."""
        account = {name: value for name, value in attrs.items() if name != "password"}
        demand_acceptable(attrs["password"], user=User(**account), field="password")
        return attrs


class LoginSerializer(serializers.Serializer[User]):
    example: ClassVar = {"email": "ada@example.com", "password": "a long way down"}

    email = TextField(max_length=254)
    password = PasswordField()


class ProfileSerializer(serializers.Serializer[User]):
    """What a person may change by themselves; what is left out stays as it is."""

    example: ClassVar = {"last_name": "King"}

    first_name = NameField(required=False)
    last_name = NameField(required=False)


class PasswordChangeSerializer(serializers.Serializer[User]):
    example: ClassVar = {"old_password": "a long way down", "new_password": "a longer way up"}

    old_password = PasswordField()
    new_password = NewPasswordField()


class EmailChangeSerializer(serializers.Serializer[User]):
    example: ClassVar = {"email": "ada.king@example.com", "password": "a long way down"}

    email = EmailField(max_length=254)
    password = PasswordField()


class ReauthenticationSerializer(serializers.Serializer[User]):
    example: ClassVar = {"password": "a long way down"}

    password = PasswordField()


class AddressSerializer(serializers.Serializer[User]):
    example: ClassVar = {"email": "ada@example.com"}

    email = EmailField(max_length=254)


class TokenSerializer(serializers.Serializer[User]):
    example: ClassVar = {"token": "Mg:1wXyZ0:4q8vY2b0Zk3nT7rH5cJ9wL1xD6sF-aE_gUiOpQmVtBk"}

    token = TokenField()


class PasswordResetSerializer(serializers.Serializer[User]):
    example: ClassVar = {**TokenSerializer.example, "password": "a longer way up"}

    token = TokenField()
    password = NewPasswordField()


class UserSearchSerializer(serializers.Serializer[User]):
    """The query of a search for accounts."""

    search = TextField(max_length=254, allow_blank=True, default="", help_text="Words in the address or the names.")
    is_active = serializers.BooleanField(allow_null=True, default=None)
    is_staff = serializers.BooleanField(allow_null=True, default=None)
    after = serializers.IntegerField(min_value=0, max_value=2**63 - 1, default=0, help_text="Begin behind this id.")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)


class UserSerializer(serializers.Serializer[User]):
    """An account as its owner sees it."""

    example: ClassVar = {
        "id": 42,
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "created_at": "2026-11-24T09:30:00.000000Z",
    }

    # One by one, because a ModelSerializer looks at the model anew for every answer: a fifth of what GET me cost.
    id = serializers.IntegerField(read_only=True)
    email = serializers.EmailField(read_only=True)
    first_name = serializers.CharField(read_only=True)
    last_name = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class ManagedUserSerializer(UserSerializer):
    """An account as administrators see it."""

    example: ClassVar = {
        **UserSerializer.example,
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "email_verified_at": None,
        "last_login": "2026-11-24T09:31:00.000000Z",
    }

    is_active = serializers.BooleanField(read_only=True, help_text="May sign in at all.")
    is_staff = serializers.BooleanField(read_only=True, help_text="May sign in to the admin.")
    is_superuser = serializers.BooleanField(read_only=True, help_text="May do everything there.")
    email_verified_at = serializers.DateTimeField(read_only=True, allow_null=True)
    last_login = serializers.DateTimeField(read_only=True, allow_null=True)


class UserPageSerializer(serializers.Serializer[Any]):
    """A page of accounts, and where the next one is."""

    example: ClassVar = {"results": [ManagedUserSerializer.example], "next": "/api/users/?limit=1&after=42"}

    results = ManagedUserSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class LoginAnswerSerializer(serializers.Serializer[Any]):
    """The token, which is shown this once."""

    example: ClassVar = {
        "token": "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a7988",
        "expiry": "2026-11-24T19:30:00.000000Z",
        "user": UserSerializer.example,
    }

    token = serializers.CharField()
    expiry = serializers.DateTimeField()
    user = UserSerializer()


class SessionSerializer(serializers.Serializer[AuthToken]):
    """A session: never its token."""

    example: ClassVar = {
        "id": "5d41402abc4b2a76b9719d911017c592",
        "created_at": "2026-11-24T09:30:00.000000Z",
        "expiry": "2026-11-24T19:30:00.000000Z",
        "current": True,
    }

    id = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="created")
    expiry = serializers.DateTimeField()
    current = serializers.SerializerMethodField(help_text="Whether this request was made in it.")

    def get_id(self, session: AuthToken) -> str:
        return sessions.id_of(session)

    def get_current(self, session: AuthToken) -> bool:
        return bool(session.digest == self.context["request"].auth.digest)


class SessionsSerializer(serializers.Serializer[Any]):
    example: ClassVar = {"results": [SessionSerializer.example]}

    results = SessionSerializer(many=True)
