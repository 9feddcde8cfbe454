"""Keeps secrets out of whatever leaves the process: log lines, error reports, spans.

By the name of a key (a password, its hash, a token, a cookie, at any depth) and by the look of a text (a password in a
URL, a bearer token, a JWT, a private key, `password=…`, a password's hash). It cannot know a secret that looks like
nothing: don't log those.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from core.observability.redaction.names import is_count, is_harmless, is_secret
from core.observability.redaction.texts import MASK, looks_harmless, redacted_text

__all__ = ["as_text", "looks_harmless", "redacted", "redacted_mapping", "redacted_text", "without_addresses"]

_DEEPEST = 12
_ADDRESS = re.compile(r"[^\s@()<>\[\]\"',;:=/]{1,64}@[^\s@()<>\[\]\"',;:=/]{1,255}")


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
        str(key): MASK if value and _hides(str(key), value) else redacted(value, depth=depth)
        for key, value in values.items()
    }


def without_addresses(value: Any) -> Any:
    """Plain data without anybody's e-mail address: exceptions of the database quote them."""
    if isinstance(value, str):
        return _ADDRESS.sub(MASK, value) if "@" in value else value
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
    if not is_secret(key) or is_count(key, value):
        return False
    return not is_harmless(f"{key}={value if isinstance(value, str) else as_text(value)}")
