"""A person ends one of their sessions, for instance on a device that they lost."""

from dataclasses import dataclass

from django.db import transaction

from kit.errors import DomainError
from kit.use_case import UseCase
from users import sessions


@dataclass(frozen=True, kw_only=True)
class RevokeSession(UseCase[None]):
    """Take away one of the account's tokens. Raises SessionUnknown or SessionEnded."""

    user_id: int
    session_id: str

    def execute(self) -> None:
        with transaction.atomic():
            user = sessions.holder(self.user_id)
            if not sessions.revoke(user, reason="revoked", only=self.session_id):
                raise SessionUnknown


class SessionUnknown(DomainError):
    """You have no such session: it has ended, or never was."""
