"""What can happen to an account. No event ever holds a password or a token."""

from typing import Literal

from events.event import Event


class UserRegistered(Event, name="user_registered", version=1):
    """A person has an account and can sign in from now on."""

    user_id: int
    email: str


class UserLoggedIn(Event, name="user_logged_in", version=1):
    """A person proved who they are and was given a token."""

    user_id: int


class UserLoginFailed(Event, name="user_login_failed", version=1):
    """Somebody tried to sign in and was refused.

    The address that was tried is personal data; it is kept because an incident cannot be understood without it.
    `user_id` is null when nobody has that address.
    """

    email: str
    reason: Literal["unknown_email", "wrong_password", "inactive"]
    user_id: int | None
