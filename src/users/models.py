"""The account, and the letters that wait to be sent.

An account's login name is an e-mail address, kept as typed and compared without regard to case.
"""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Cast, Concat, Lower, Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from users.accounts import UserManager
from users.names import demand_readable

# The name is how a use case tells this violation from others.
EMAIL_CONSTRAINT = "users_user_email_key"
_NO_PASSWORD = {"password__startswith": "!"}


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField()
    first_name = models.CharField(max_length=150, blank=True, validators=[demand_readable])
    last_name = models.CharField(max_length=150, blank=True, validators=[demand_readable])
    is_staff = models.BooleanField("staff status", default=False, help_text="May sign in to the admin.")
    is_active = models.BooleanField(
        "active", default=True, help_text="May sign in at all. Take it away instead of deleting the account."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    email_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    pending_email = models.EmailField(
        blank=True, default="", db_default="", editable=False, help_text="The address that waits for its confirmation."
    )
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    session_epoch = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Another number ends the account's sessions of the admin."
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("email"), name=EMAIL_CONSTRAINT, violation_error_message="This e-mail address is taken."
            ),
            models.CheckConstraint(
                name="users_user_deleted_is_erased",
                condition=Q(deleted_at=None)
                | Q(
                    email=Concat(Value("deleted-"), Cast("id", models.TextField())),
                    first_name="", last_name="", pending_email="", last_login=None, email_verified_at=None,
                    **_NO_PASSWORD, is_active=False, is_staff=False, is_superuser=False,
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.email

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Leave the address as it was typed."""
        return username

    def check_password(self, raw_password: str | None) -> bool:
        """Whether the password fits. If its hash has old parameters it is made anew.

        Nothing is locked while hashes are made, so the new hash is kept only if nobody else has made one meanwhile.
        """
        before = self.password

        def renew(password: str) -> None:
            renewed = make_password(password)
            if User.objects.filter(pk=self.pk, password=before).update(password=renewed):
                self.password = renewed
            elif check_password(password, theirs := User.objects.values_list("password", flat=True).get(pk=self.pk)):
                self.password = theirs  # another login was faster, and the password is the same

        return check_password(raw_password, before, renew)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What a session of the admin is held against at every request."""
        state = f"{self.password}:{self.session_epoch}"
        return salted_hmac("users.session", state, secret=secret, algorithm="sha256").hexdigest()

    def erase(self) -> None:
        """Take away everything personal. What is left is a tombstone: an id, and two dates.

        Nobody can register its address, for there is no @ in it.
        """
        self.email = f"deleted-{self.pk}"
        self.first_name = self.last_name = self.pending_email = ""
        self.last_login = self.email_verified_at = None
        self.is_active = self.is_staff = self.is_superuser = False
        self.set_unusable_password()
        self.deleted_at = timezone.now()


class Letter(models.Model):
    """An e-mail that waits to be sent. It holds no secret: a token is computed when the letter is sent.

    Without a user it goes to whoever has the address by then, or to nobody.
    """

    class Kind(models.TextChoices):
        VERIFY_EMAIL = "verify_email"
        RESET_PASSWORD = "reset_password"  # noqa: S105 -- a name
        CONFIRM_EMAIL_CHANGE = "confirm_email_change"
        EMAIL_CHANGE_REQUESTED = "email_change_requested"
        EMAIL_CHANGED = "email_changed"
        PASSWORD_CHANGED = "password_changed"  # noqa: S105 -- a name
        ACCOUNT_DEACTIVATED = "account_deactivated"
        ACCOUNT_DELETED = "account_deleted"

    kind = models.CharField(max_length=30, choices=Kind)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="letters")
    address = models.EmailField()
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(db_default=0)
    reason = models.TextField(db_default="", help_text="Why the last attempt failed.")
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            # Asked for again while it waits, it is still one letter: nobody can fill the table or a letter-box.
            models.UniqueConstraint(
                "kind", "user", Lower("address"), name="users_letter_waiting_key",
                condition=Q(given_up_at=None), nulls_distinct=False,
            ),
            # Who asked for these two need not be who has the address, so they are written alike for everybody.
            models.CheckConstraint(
                name="users_letter_to_whom",
                condition=Q(kind__in=["verify_email", "reset_password"], user=None)
                | (~Q(kind__in=["verify_email", "reset_password"]) & Q(user__isnull=False)),
            ),
        ]  # fmt: skip
        indexes: ClassVar = [models.Index("due_at", name="users_letter_due", condition=Q(given_up_at=None))]

    def __str__(self) -> str:
        return f"{self.kind} ({self.pk})"
