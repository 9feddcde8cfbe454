"""Who tries, from where: what throttles count by."""

import unicodedata
from dataclasses import dataclass

from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from guards.network import network_of

_LONGEST_ADDRESS = 254


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A network and the account that is aimed at; either is empty if it is not known.

    The account is the login name of whoever is logged in, else the e-mail address in the body, whether or not anybody
    has it: so the counts do not tell either.
    """

    network: str
    account: str

    @classmethod
    def of(cls, request: Request) -> "Origin":
        return cls(network=network_of(request), account=_login_name(request) or _address_in_body(request))

    @property
    def account_digest(self) -> str:
        """What stands for the account in Redis; without SECRET_KEY it is not even found by trying addresses."""
        same = unicodedata.normalize("NFC", self.account).casefold()
        return salted_hmac("guards.origin", same, algorithm="sha256").hexdigest()[:32]


def _login_name(request: Request) -> str:
    return str(request.user.get_username()) if request.user.is_authenticated else ""


def _address_in_body(request: Request) -> str:
    """Empty for what cannot be an address anyway: validation will say so."""
    body = request.data
    address = body.get("email") if isinstance(body, dict) else None
    if not isinstance(address, str) or not 0 < len(address) <= _LONGEST_ADDRESS or not address.isprintable():
        return ""
    return address.strip()
