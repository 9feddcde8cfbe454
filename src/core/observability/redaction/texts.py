"""What secrets look like within a text."""

import re
from collections.abc import Callable

from core.observability.redaction.names import NAMES, SIGNS, has_secret, is_harmless

MASK = "***"
# Every name and every pattern has one of these in it, so one look at a text is enough to let most through.
_SUSPICIOUS = ("://", "bearer", "basic", "argon2", "pbkdf2", "scrypt", "bcrypt", "eyj", *SIGNS)
# How PostgreSQL goes on after a key. A bracket may stand within a value as well, whose end may have been cut off.
_END_OF_KEY = re.compile(
    r"\)(?:$| (?:already exists|is duplicated|is not present in table|is still referenced from table)\b[^()]*$)"
)


def _masked(found: re.Match[str]) -> str:
    return found[0] if is_harmless(found[0]) else f"{found[1]}{MASK}"


def _masked_key(found: re.Match[str]) -> str:
    """Of several columns no name stands beside its value, so one that is a secret's hides all of them."""
    values = found["values"]
    ended = _END_OF_KEY.search(values)
    values, rest = (values[: ended.start()], ended[0]) if ended else (values, "")
    if not has_secret(found["columns"]) or is_harmless(f"{found['columns']}={values}"):
        return found[0]
    return f"{found['key']}{MASK}{rest}"


type _Replacement = str | Callable[[re.Match[str]], str]

# Each pattern with what is in a text that it finds something in: looking for that first is many times cheaper.
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], _Replacement], ...] = (
    # A private key as a whole, also one whose end has been cut off; within JSON its line ends may be `\n`.
    (
        ("private key",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
        MASK,
    ),
    # A JWT: three parts, or five if it is encrypted, or fewer if it was cut off. The first is JSON: `{"` in base64.
    (("eyj",), re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{8,}(?:\.[\w-]*){1,4}"), MASK),
    # scheme://user:password@host, the user too: a DSN's is its key.
    (("://",), re.compile(r"://[^\s/?#\"'<>]*@"), f"://{MASK}@"),
    (("bearer",), re.compile(r"\b(bearer\s)[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1{MASK}"),
    (("basic", "token"), re.compile(r"\b((?:basic|token)\s)[\w.~+/=-]{16,}", re.IGNORECASE), rf"\1{MASK}"),
    # A header's credentials in any scheme, of several words perhaps: to the end of the line.
    (
        ("authorization",),
        re.compile(r"(authorization\s?[=:]\s?)(?![\s\"'])[^\r\n]+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    # PostgreSQL's `Key (user_id, token)=(1, …) already exists.`
    (
        ("key (",),
        re.compile(r"(?P<key>\bkey \((?P<columns>[^=\r\n]{1,300})\)=\()(?P<values>[^\r\n]*)", re.IGNORECASE),
        _masked_key,
    ),
    # password=…, "token": "…", Cookie: …; a value in quotes as a whole.
    (
        ("=", ":"),
        re.compile(
            # Perhaps in brackets (a QueryDict's list), as bytes, or as JSON within JSON.
            rf"({NAMES}\\*[\"')]?\s?[=:]\s?[\[(]{{0,2}}(?:b(?=[\"']))?)"
            rf"((?P<mark>\\+)\"(?:[^\\\r\n]|(?!(?P=mark)\")\\++\"?)*+(?:(?P=mark)\")?|\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s\"'&,;}}\])]+)",
            re.IGNORECASE,
        ),
        _masked,
    ),
    (
        ("$",),
        re.compile(r"\b(argon2(?:id?|d)?|pbkdf2_\w{1,20}|scrypt|bcrypt\w{0,20})\$[^\s'\"]+"),
        rf"\1${MASK}",
    ),
)


def looks_harmless(text: str) -> bool:
    """Whether nothing in the text so much as resembles a secret or the name of one."""
    return not _has_any(_SUSPICIOUS, text.lower())


def redacted_text(text: str) -> str:
    """The text with a mask over everything in it that looks like a secret."""
    lowered = text.lower()
    if not _has_any(_SUSPICIOUS, lowered):
        return text
    for signs, pattern, replacement in _PATTERNS:
        if _has_any(signs, lowered):
            text = pattern.sub(replacement, text)
    return text


def _has_any(words: tuple[str, ...], lowered: str) -> bool:
    for word in words:  # noqa: SIM110 -- any() with a generator takes three times as long, and this is every text
        if word in lowered:
            return True
    return False
