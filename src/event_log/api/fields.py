"""Times to the microsecond, places between two pages, and events' own JSON, as they look in a URL and in an answer."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from rest_framework import serializers

from events.reading import Place

# RFC 3339. A query goes on record, so no fraction may be as long as it likes.
_MOMENT: Final = re.compile(
    r"(?P<second>\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,30}))?(?P<zone>[Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MomentField(serializers.DateTimeField):
    """A time with its offset from UTC; events are told apart by microseconds, so a finer bound is rounded up to one."""

    default_error_messages: Final = {  # type: ignore[misc]  # REST framework's is no constant
        "invalid": "Write it as RFC 3339 has it, with the offset: 2026-11-24T09:30:00Z "
        "(a + stands in a URL as %2B, for by itself it is a blank).",
    }

    def to_internal_value(self, data: Any) -> datetime:
        found = _MOMENT.fullmatch(data) if isinstance(data, str) else None
        if found is None:
            self.fail("invalid")
        digits = found["fraction"] or ""
        try:
            at = datetime.fromisoformat(f"{found['second'].upper()}.{digits[:6]:0<6}{found['zone'].upper()}")
            return at.astimezone(UTC) + (_MICROSECOND if digits[6:].strip("0") else timedelta())
        except (ValueError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def packed(place: Place) -> str:
    """The place in 32 letters, for whoever is to bring it back as it is."""
    microseconds = (place.occurred_at - _EPOCH) // _MICROSECOND
    return urlsafe_b64encode(microseconds.to_bytes(8, signed=True) + place.event_id.bytes).decode()


def unpacked(letters: str) -> Place:
    """The place that was packed; raises ValueError, or OverflowError, when none was."""
    brought = urlsafe_b64decode(letters.encode())
    microseconds = int.from_bytes(brought[:8], signed=True)
    return Place(occurred_at=_EPOCH + microseconds * _MICROSECOND, event_id=UUID(bytes=brought[8:]))


class ContextField(serializers.DictField):
    """An event's own fields, which are kept as JSON; null if somebody has put something else in their place."""

    def to_representation(self, value: Any) -> Any:
        try:
            context = json.loads(value, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None
        return context if isinstance(context, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
