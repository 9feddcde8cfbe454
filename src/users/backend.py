"""How the admin's login finds out whose password it is."""

from django.contrib.auth.backends import AllowAllUsersModelBackend

from users.models import User


class PasswordBackend(AllowAllUsersModelBackend):
    """Django's, but it leaves it to the login form to turn away who is switched off, and to record why."""

    def get_user(self, user_id: int) -> User | None:
        """Whose session it is; nobody's, once the account is switched off."""
        user = super().get_user(user_id)
        return user if user is not None and user.is_active else None
