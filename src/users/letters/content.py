"""What a letter says. Its template's first line is the subject; its token is computed here, at the last moment.

Nothing that a person typed stands in a letter but an address: a name could carry somebody else's advertisement.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from users import tokens
from users.events import Purpose
from users.models import Letter, User

Kind = Letter.Kind

# Of the kinds that carry a token: what it is good for, and the page of the frontend that takes it.
_PURPOSES: Mapping[str, tuple[Purpose, str]] = {
    Kind.RESET_PASSWORD: ("reset_password", "reset-password"),
    Kind.CONFIRM_EMAIL_CHANGE: ("confirm_email_change", "confirm-email-change"),
    Kind.VERIFY_EMAIL: ("verify_email", "verify-email"),
}


def recipient(letter: Letter) -> User | None:
    """Whom the letter concerns; None when nobody has its address, or what it is about is past."""
    user = letter.user or User.objects.with_email(letter.address).first()
    return user if user is not None and _still_matters(letter, user) else None


def compose(letter: Letter, *, user: User) -> EmailMessage:
    rendered = render_to_string(f"users/letters/{letter.kind}.txt", _context(letter, user))
    subject, _, body = rendered.partition("\n")
    # To the address as the account has it: another that merely compares as equal may be somebody else's.
    to = letter.address if letter.user is not None else user.email
    return EmailMessage(subject=subject, body=body.lstrip("\n"), to=[to])


def _still_matters(letter: Letter, user: User) -> bool:
    match letter.kind:
        case Kind.RESET_PASSWORD:
            return user.is_active and user.has_usable_password()
        case Kind.CONFIRM_EMAIL_CHANGE:
            return user.is_active and user.pending_email == letter.address
        case Kind.EMAIL_CHANGE_REQUESTED:
            return user.pending_email != ""
        case Kind.VERIFY_EMAIL:
            return user.is_active and user.email_verified_at is None
    return True


def _context(letter: Letter, user: User) -> dict[str, Any]:
    # A warning may be late, and its reader have lost the account: they are not told the address that it has now.
    address = user.email if letter.kind in _PURPOSES else letter.address
    context: dict[str, Any] = {"address": address, "new_address": user.pending_email}
    if letter.kind in _PURPOSES:
        purpose, page = _PURPOSES[letter.kind]
        token = tokens.make(purpose, user)
        # In the fragment, which browsers send to no server: it stands in nobody's access log.
        link = f"{settings.FRONTEND_URL}/{page}#token={quote(token)}" if settings.FRONTEND_URL else ""
        context |= {"token": token, "link": link, "duration": _in_words(tokens.lifetime(purpose))}
    return context


def _in_words(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    number, unit = (minutes, "minute") if minutes % 60 else (minutes // 60, "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"
