"""Keeps secrets out of whatever leaves the process: log lines, error reports, spans.

By the name of a key (a password, its hash, a token, a cookie, at any depth) and by the look of a text (a password in a
URL, a bearer token, a JWT, a private key, `password=…`, a password's hash). It cannot know a secret that looks like
nothing: don't log those.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

_MASK = "***"
_DEEPEST = 12
_NAMES = (
    # ClickHouse's insert_deduplication_token is a batch's id.
    r"(?<!deduplication_)(?:passw(?:or)?d|passphrase|pwd|secret(?:[_-]?key)?|token|jwt|authorization|cookie"
    r"|(?:api|access|encryption|private|signing|ssh)[_-]?key|credential|dsn|session(?:[_-]?(?:id|key))|csrf)s?"
    # The same in another form is as good, or nearly: a hash can be tried out elsewhere.
    r"(?:[_-]?(?:hash(?:es)?|digest|salt|raw|plain|value|confirm(?:ation)?|again|repeat(?:ed)?))?\d{0,3}"
)
_SECRET_KEY = re.compile(rf"{_NAMES}$", re.IGNORECASE)
_ANY_NAME = re.compile(_NAMES, re.IGNORECASE)
# What has such a name and is no secret: sessions' ids, which open nothing, and how many tokens there are.
_HARMLESS = re.compile(
    r"(?:\w{1,40}_)?(?:session_ids?\W{1,8}[0-9a-f]{32}(?:\W{1,4}[0-9a-f]{32})*\W{0,4}|tokens\W{1,4}\d{1,7})",
    re.IGNORECASE,
)
# Every name and every pattern has one of these in it, so one look at a text is enough to let most through.
_SUSPICIOUS = (
    "://", "passw", "passphrase", "pwd", "secret", "token", "authorization", "cookie", "key", "credential", "dsn",
    "session", "csrf", "bearer", "basic", "argon2", "pbkdf2", "scrypt", "bcrypt", "jwt", "eyj",
)  # fmt: skip


def _masked(found: re.Match[str]) -> str:
    return found[0] if _HARMLESS.fullmatch(found[0]) else f"{found[1]}{_MASK}"


def _masked_key(found: re.Match[str]) -> str:
    """Of several columns no name stands beside its value, so one that is a secret's hides all of them."""
    values, bracket, rest = found["values"].rpartition(")") if ")" in found["values"] else (found["values"], "", "")
    is_harmless = _ANY_NAME.search(found["columns"]) is None or _HARMLESS.fullmatch(f"{found['columns']}={values}")
    return found[0] if is_harmless else f"{found['key']}{_MASK}{bracket}{rest}"


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
        _MASK,
    ),
    # A JWT: three parts, or five if it is encrypted, or fewer if it was cut off. The first is JSON: `{"` in base64.
    (("eyj",), re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{8,}(?:\.[\w-]*){1,4}"), _MASK),
    # scheme://user:password@host, the user too: a DSN's is its key.
    (("://",), re.compile(r"://[^\s/?#\"'<>]*@"), f"://{_MASK}@"),
    (("bearer",), re.compile(r"\b(bearer\s)[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1{_MASK}"),
    (("basic", "token"), re.compile(r"\b((?:basic|token)\s)[\w.~+/=-]{16,}", re.IGNORECASE), rf"\1{_MASK}"),
    # A header's credentials in any scheme, of several words perhaps: to the end of the line.
    (
        ("authorization",),
        re.compile(r"(authorization\s?[=:]\s?)(?![\s\"'])[^\r\n]+", re.IGNORECASE),
        rf"\1{_MASK}",
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
            rf"({_NAMES}\\*[\"')]?\s?[=:]\s?[\[(]{{0,2}}(?:b(?=[\"']))?)"
            rf"((?P<mark>\\+)\"(?:[^\\\r\n]|(?!(?P=mark)\")\\++\"?)*+(?:(?P=mark)\")?|\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s\"'&,;}}\])]+)",
            re.IGNORECASE,
        ),
        _masked,
    ),
    (
        ("$",),
        re.compile(r"\b(argon2(?:id?|d)?|pbkdf2_\w{1,20}|scrypt|bcrypt\w{0,20})\$[^\s'\"]+"),
        rf"\1${_MASK}",
    ),
)
_ADDRESS = re.compile(r"[^\s@()<>\[\]\"',;:=/]{1,64}@[^\s@()<>\[\]\"',;:=/]{1,255}")


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


def redacted(value: Any, *, depth: int = 0) -> Any:
    """The value as plain data (texts, numbers, lists, dictionaries with texts as keys) without what must stay here."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return redacted_text(value)
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return redacted_mapping(value, depth=depth + 1)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redacted(each, depth=depth + 1) for each in value]
    return redacted_text(as_text(value))


def redacted_mapping(values: Mapping[Any, Any], *, depth: int = 0) -> dict[str, Any]:
    """The same for a mapping: what stands under the name of a secret is not shown at all."""
    return {
        str(key): _MASK if value and _hides(str(key), value) else redacted(value, depth=depth)
        for key, value in values.items()
    }


def without_addresses(value: Any) -> Any:
    """Plain data without anybody's e-mail address: exceptions of the database quote them."""
    if isinstance(value, str):
        return _ADDRESS.sub(_MASK, value) if "@" in value else value
    if isinstance(value, dict):
        return {key: without_addresses(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_addresses(each) for each in value]
    return value


def as_text(value: object) -> str:
    """Ids and times as people search for them, all else as its repr; an object that cannot show itself is named."""
    try:
        return str(value) if isinstance(value, (UUID, datetime, date, Path)) else repr(value)
    except Exception:  # noqa: BLE001 -- a log line must not fail because of what it is about
        return f"<{type(value).__name__}>"


def _hides(key: str, value: Any) -> bool:
    if not _is_secret(key):
        return False
    return not _HARMLESS.fullmatch(f"{key}={value if isinstance(value, str) else as_text(value)}")


@lru_cache(maxsize=4096)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None
