"""A person ends all of their sessions, this one too."""

from dataclasses import dataclass

from django.db import transaction

from kit.use_case import UseCase
from users import sessions


@dataclass(frozen=True, kw_only=True)
class LogOutEverywhere(UseCase[None]):
    """Take away every token of the account. Raises SessionEnded."""

    user_id: int

    def execute(self) -> None:
        with transaction.atomic():
            user = sessions.holder(self.user_id)
            sessions.revoke(user, reason="logged_out_everywhere")
