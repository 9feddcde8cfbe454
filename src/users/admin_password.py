"""An administrator's own password, changed in the admin by the use case of the API, behind the same guard."""

from typing import Any

from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest

from guards.attempts import TooManyAttempts
from guards.origin import Origin
from users.doors import OWN_GUESSES
from users.hashing import HashingBusy
from users.models import User
from users.reauthentication import AccountChanged, WrongPassword
from users.use_cases.change_password import ChangePassword


class OwnPasswordForm(AdminPasswordChangeForm):
    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        self._request = request
        super().__init__(*args, **kwargs)

    def clean_old_password(self) -> str:
        """Leave the old password to the use case, which records a wrong one."""
        return str(self.cleaned_data["old_password"])

    def clean(self) -> dict[str, Any]:
        """Change the password, if all is well and there have not been too many attempts."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            self._change(old=cleaned["old_password"], new=cleaned["new_password1"])
        except (AccountChanged, HashingBusy, TooManyAttempts, WrongPassword) as refusal:
            self.add_error("old_password", str(refusal))  # Django's page shows the errors of fields only
        return cleaned

    def save(self, commit: Any = True) -> User:  # noqa: ARG002, FBT002 -- the signature is Django's
        """The account as the use case left it."""
        self.user.refresh_from_db()
        return self.user

    def _change(self, *, old: str, new: str) -> None:
        origin = Origin.at(self._request, account=self.user.get_username(), person=str(self.user.pk))
        OWN_GUESSES.admit(origin)
        ChangePassword(user_id=self.user.pk, session=None, old_password=old, new_password=new).execute()
        OWN_GUESSES.proved(origin)


class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}
