"""The admin's own door is guarded like the API's: the same counts, whichever of the two is tried."""

from typing import Any, Literal

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from guards.attempts import TooManyAttempts
from guards.origin import Origin
from outbox.client import EventLogClient
from users.doors import GUESSES, LOGINS_PER_NETWORK
from users.events import UserLoginFailed
from users.hashing import HashingBusy


class AdminLoginForm(AdminAuthenticationForm):
    def clean(self) -> dict[str, Any]:
        """Log in, unless there have been too many attempts."""
        assert isinstance(self.request, HttpRequest)
        self._origin = Origin.at(self.request, account=self.cleaned_data.get("username", ""))
        try:
            for throttle in (LOGINS_PER_NETWORK, GUESSES):
                throttle.admit(self._origin)
            cleaned = super().clean()
        except (TooManyAttempts, HashingBusy) as refusal:
            raise ValidationError(str(refusal)) from None
        if self.get_user() is not None:  # without a password nobody has been asked
            GUESSES.proved(self._origin)
        return cleaned

    def confirm_login_allowed(self, user: Any) -> None:
        """Turn away, with an event, whoever has the right password and no business here; the answer is the same."""
        if not (user.is_active and user.is_staff):
            reason: Literal["inactive", "not_staff"] = "not_staff" if user.is_active else "inactive"
            email, network = self._origin.account, self._origin.network
            EventLogClient.record_alone(UserLoginFailed(email=email, reason=reason, user_id=user.pk, network=network))
            raise self.get_invalid_login_error()
