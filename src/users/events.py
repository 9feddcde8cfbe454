"""What can happen to an account. No event ever holds a password or a token.

A session is named by `session_id`, which is made from the digest of its token and opens nothing.
"""

from typing import Literal

from events.event import Event

Purpose = Literal["reset_password", "confirm_email_change", "verify_email"]
Reauthenticated = Literal["change_password", "change_email", "deactivate", "delete"]

RevocationReason = Literal[
    "logged_out_everywhere", "revoked", "password_changed", "password_reset", "deactivated", "deleted", "too_many"
]


class UserRegistered(Event, name="user_registered", version=1):
    """A person has an account and can sign in from now on."""

    user_id: int
    email: str


class UserRegistrationFailed(Event, name="user_registration_failed", version=1):
    """Somebody wanted an account with an address that somebody has already."""

    email: str


class UserLoggedIn(Event, name="user_logged_in", version=1):
    """A person proved who they are and was given a token, or a session of the admin (then `session_id` is null).

    `network` is where they came from, as far as it can be believed: an IPv4 address, or the /64 of an IPv6 one.
    """

    user_id: int
    session_id: str | None
    network: str


class UserLoginFailed(Event, name="user_login_failed", version=1):
    """Somebody tried to sign in and was refused.

    The address that was tried is personal data; it is kept because an incident cannot be understood without it. It is
    empty for what is no address, which may be a password, typed into the wrong field. `user_id` is null when nobody has
    that address. Only the admin refuses those who are `not_staff`. `network` is where they came from, as at a login.
    """

    email: str
    reason: Literal["unknown_email", "wrong_password", "inactive", "unverified", "not_staff"]
    user_id: int | None
    network: str


class UserLoggedOut(Event, name="user_logged_out", version=1):
    """A person gave a token back, or left the admin (then there is no token, and `session_id` is null)."""

    user_id: int
    session_id: str | None


class UserSessionsRevoked(Event, name="user_sessions_revoked", version=1):
    """Tokens were taken away before their time: so many, and why."""

    user_id: int
    reason: RevocationReason
    session_ids: list[str]


class UserTokenRotated(Event, name="user_token_rotated", version=1):
    """A token was exchanged for a new one; the old one opens nothing any more."""

    user_id: int
    old_session_id: str
    new_session_id: str


class UserSessionExpired(Event, name="user_session_expired", version=1):
    """Somebody used a token past its time and was refused. It is forgotten now, so this happens once a token.

    Or a session of the admin that had lasted its time, or that nobody had used for a while; then `session_id` is null.
    """

    user_id: int
    session_id: str | None


class UserReauthenticationFailed(Event, name="user_reauthentication_failed", version=1):
    """Somebody with a valid token gave a wrong password for what needs both."""

    user_id: int
    action: Reauthenticated


class UserProfileUpdated(Event, name="user_profile_updated", version=1):
    """An account's particulars changed; the names of the fields, not their values."""

    user_id: int
    fields: list[str]


class UserPasswordChanged(Event, name="user_password_changed", version=1):
    """An account has another password, given by its owner (who knew the old one) or by an administrator."""

    user_id: int
    changed_by: Literal["owner", "administrator"]


class UserPasswordResetRequested(Event, name="user_password_reset_requested", version=1):
    """Somebody asked for a letter that lets its reader choose another password; null when nobody has the address."""

    email: str
    user_id: int | None


class UserPasswordReset(Event, name="user_password_reset", version=1):
    """The reader of such a letter chose another password."""

    user_id: int


class UserEmailChangeRequested(Event, name="user_email_change_requested", version=1):
    """A person wants another address; it is asked for confirmation, and the old one is told."""

    user_id: int
    new_email: str


class UserEmailChanged(Event, name="user_email_changed", version=1):
    """An account has another address."""

    user_id: int
    old_email: str
    new_email: str


class UserEmailChangeFailed(Event, name="user_email_change_failed", version=1):
    """An address could not be taken: somebody else has it."""

    user_id: int
    new_email: str


class UserEmailVerificationRequested(Event, name="user_email_verification_requested", version=1):
    """Somebody asked for a letter that lets its reader prove the address to be theirs."""

    email: str
    user_id: int | None


class UserEmailVerified(Event, name="user_email_verified", version=1):
    """A person proved that they read what is sent to the account's address."""

    user_id: int


class UserTokenRefused(Event, name="user_token_refused", version=1):
    """Somebody brought a token of a letter that was expired, used, or never sent.

    `user_id` is whose the token claims to be, null when there is no such account; only an expired one is known to be
    genuine.
    """

    purpose: Purpose
    reason: Literal["expired", "invalid"]
    user_id: int | None


class UserDeactivated(Event, name="user_deactivated", version=1):
    """An account cannot be used any more, until an administrator activates it; the actor is who did it."""

    user_id: int


class UserActivated(Event, name="user_activated", version=1):
    """An account can be used again."""

    user_id: int


class UserDeleted(Event, name="user_deleted", version=1):
    """An account's personal data was erased. The id stays, so that earlier events can still be told apart."""

    user_id: int


class UserPermissionsChanged(Event, name="user_permissions_changed", version=1):
    """An administrator changed what an account may do; the fields that changed, and what it may do now."""

    user_id: int
    fields: list[str]
    is_staff: bool
    is_superuser: bool
    groups: list[str]
    permissions: list[str]


class GroupChanged(Event, name="group_changed", version=1):
    """A group was made, or those in it may do something else now: all of what the group may do."""

    group_id: int
    group: str
    permissions: list[str]


class GroupDeleted(Event, name="group_deleted", version=1):
    """A group is no more, and nobody may do anything by being in it."""

    group_id: int
    group: str


class LetterSent(Event, name="letter_sent", version=1):
    """A letter was handed to the mail server."""

    kind: str
    user_id: int


class LetterDropped(Event, name="letter_dropped", version=1):
    """A letter was not sent: nobody has its address, or what it is about is past."""

    kind: str
    user_id: int | None


class LetterGivenUp(Event, name="letter_given_up", version=1):
    """A letter could not be sent in spite of many attempts; it stays where an administrator sees it."""

    kind: str
    user_id: int | None
    attempts: int


class LetterRevived(Event, name="letter_revived", version=1):
    """An administrator wants a letter sent that was given up."""

    kind: str
    user_id: int | None
