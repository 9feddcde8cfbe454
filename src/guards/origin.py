"""Who tries, from where: what throttles count by."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from guards.network import network_of
from kit.text import trimmed

# No field takes a longer address. What is behind it is not looked at: a body can be a million letters long.
_LONGEST_ADDRESS = 254


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A network, the account that is aimed at, and who is logged in; each is empty if it is not known.

    The account is the login name of whoever is logged in, else the e-mail address in the body, whether or not anybody
    has it: so the counts do not tell either. The person is an id, which stays when somebody changes their address.
    """

    network: str
    account: str
    person: str = ""

    @classmethod
    def of(cls, request: Request) -> "Origin":
        if request.user.is_authenticated:
            return cls.at(request, account=request.user.get_username(), person=str(request.user.pk))
        return cls.at(request, account=_address_in_body(request))

    @classmethod
    def at_body(cls, request: Request) -> "Origin":
        """Aimed at the address in the body, even if somebody is logged in."""
        return cls.at(request, account=_address_in_body(request))

    @classmethod
    def at(cls, request: HttpRequest | Request, *, account: str, person: str = "") -> "Origin":
        """Aimed at an account, by a person, that are known otherwise."""
        return cls(network=network_of(request), account=account, person=person)

    @property
    def account_digest(self) -> str:
        return digest_of(self.account)


def on_record(address: str) -> str:
    """The address that somebody gave, as events may have it: empty for what is none, such as a misplaced password."""
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address


def digest_of(address: str) -> str:
    """What stands for an account in Redis; without SECRET_KEY it is not even found by trying addresses."""
    return salted_hmac("guards.origin", _folded(address), algorithm="sha256").hexdigest()[:32]


def _address_in_body(request: Request) -> str:
    """What the body names, as a serializer would read it; whether it is an address is left to validation."""
    body = request.data
    address = body.get("email") if isinstance(body, dict) else None
    return trimmed(address)[: _LONGEST_ADDRESS + 1] if isinstance(address, str) else ""


def _folded(address: str) -> bytes:
    """Alike for what the database takes for one address, and for nothing else: a login starts its count anew.

    So letter by letter, as PostgreSQL's lower() does it: an i for İ, no ς at the end of a word, and ß is not ss.
    """
    return "".join(map(_lower, trimmed(address))).encode(errors="surrogatepass")


def _lower(letter: str) -> str:
    return "i" if letter == "\u0130" else letter.lower()
