"""What guards which door: a view says `guards = LOGIN`. docs/security.md has the reasons."""

from http import HTTPStatus
from typing import ClassVar

from django.http import HttpResponseBase
from rest_framework.request import Request

from guards.throttles import Guesses, OwnGuesses, PerAccount, PerAddressee, PerNetwork, PerPerson
from kit.api import Guard, Handle, Refusals
from users.hashing import HashingBusy


class Hashes(Guard):
    """Does nothing itself: it says of views that hash a password that they may answer 503, when too many wait."""

    refusals: ClassVar[Refusals] = {HashingBusy: HTTPStatus.SERVICE_UNAVAILABLE}

    async def around(self, request: Request, handle: Handle) -> HttpResponseBase:  # noqa: ARG002 -- a guard's signature
        return await handle()


GUESSES = Guesses(near="guesses_near", far="guesses_far")
OWN_GUESSES = OwnGuesses(near="guesses_near")
LOGINS_PER_NETWORK = PerNetwork("login_per_network")
HASHES = Hashes()

LOGIN = (LOGINS_PER_NETWORK, GUESSES, HASHES)
# For whoever is logged in: each change is an event at least. What only ends sessions goes without, lest whoever has
# stolen a token use the number up, and so keep the owner from ending that.
CHANGE = (PerPerson("changes_per_person"),)
ENDING: tuple[Guard, ...] = ()
# The same where the password must be given once more: a stolen token is no licence to guess it.
PASSWORD_CHECK = (*CHANGE, OWN_GUESSES, HASHES)
REGISTRATION = (
    PerNetwork("registration_per_network"), PerAccount(rate="registration_per_account", kind="registration"), HASHES,
)  # fmt: skip
# What has an e-mail sent. Each kind counts by itself: who uses up one leaves the others.
_LETTERS_PER_NETWORK = PerNetwork("mail_per_network")
RESET_LETTER = (_LETTERS_PER_NETWORK, PerAccount(rate="mail_per_account", kind="reset"))
VERIFICATION_LETTER = (_LETTERS_PER_NETWORK, PerAccount(rate="mail_per_account", kind="verification"))
EMAIL_CHANGE = (
    _LETTERS_PER_NETWORK,
    PerAccount(rate="mail_per_account", kind="change_of"),
    PerAddressee(rate="mail_per_account", kind="change_to"),
    *PASSWORD_CHECK,
)
# What takes the secret out of an e-mail, and perhaps a new password with it.
CONFIRMATION = (LOGINS_PER_NETWORK, HASHES)
