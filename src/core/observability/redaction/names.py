"""Which names are those of secrets, and what has such a name and is none."""

import re
from functools import lru_cache
from typing import Any

NAMES = (
    # ClickHouse's insert_deduplication_token is a batch's id.
    r"(?<!deduplication_)(?:passw(?:or)?d|passphrase|passcode|pwd|secret(?:[_-]?key)?|token|jwt|authorization|cookie"
    r"|(?:api|access|encryption|private|signing|ssh)[_-]?key|credential|dsn|session(?:[_-]?(?:id|key))|csrf"
    r"|otp|one[ _-]?time[ _-]?code)s?"
    # The same in another form is as good, or nearly: a hash can be tried out elsewhere.
    r"(?:[_-]?(?:hash(?:es)?|digest|salt|raw|plain|value|confirm(?:ation)?|again|repeat(?:ed)?))?\d{0,3}"
)
# Every name has one of these in it.
SIGNS = (
    "passw", "passphrase", "passcode", "pwd", "secret", "token", "jwt", "authorization", "cookie", "key", "credential",
    "dsn", "session", "csrf", "otp", "one time", "one_time", "one-time", "onetime",
)  # fmt: skip
_LAST = re.compile(rf"{NAMES}$", re.IGNORECASE)
_ANY = re.compile(NAMES, re.IGNORECASE)
# Sessions' ids open nothing.
_SESSIONS = re.compile(r"(?:\w{1,40}_)?session_ids?\W{1,8}[0-9a-f]{32}(?:\W{1,4}[0-9a-f]{32})*\W{0,4}", re.IGNORECASE)
# How many there are; within a text six digits may as well be somebody's code.
_COUNTS = frozenset({"tokens", "max_tokens"})


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether what stands under this name is a secret."""
    return _LAST.search(name) is not None


def has_secret(names: str) -> bool:
    """Whether a secret's is among these names."""
    return _ANY.search(names) is not None


def is_harmless(assignment: str) -> bool:
    """Whether a name and what stands beside it are no secret, though the name is that of one."""
    return _SESSIONS.fullmatch(assignment) is not None


def is_count(name: str, value: Any) -> bool:
    """Whether this is a number of such things."""
    return name in _COUNTS and type(value) is int
