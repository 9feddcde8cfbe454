"""A person makes an account."""

from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from guards import idempotency
from kit.use_case import UseCase
from outbox.client import EventLogClient
from users.addresses import unless_taken
from users.events import UserRegistered, UserRegistrationFailed
from users.letters import desk
from users.models import Letter, User


@dataclass(frozen=True, kw_only=True)
class RegisterUser(UseCase[User]):
    """Make an account. Raises EmailTaken."""

    email: str
    password: str = field(repr=False)
    first_name: str
    last_name: str

    def execute(self) -> User:
        password = make_password(self.password)  # before the transaction: it takes its time
        failure = UserRegistrationFailed(email=self.email)
        with unless_taken(self.email, failure=failure), transaction.atomic():
            user = User.objects.create_hashed(
                self.email, password, first_name=self.first_name, last_name=self.last_name
            )
            EventLogClient.record(UserRegistered(user_id=user.pk, email=user.email), actor_id=user.pk)
            if settings.EMAIL_VERIFICATION_REQUIRED:
                desk.write(Letter.Kind.VERIFY_EMAIL, address=user.email)
            idempotency.keep(user)
        return user
