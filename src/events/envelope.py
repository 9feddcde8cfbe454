"""What an event becomes on its way into the outbox: JSON text with an id, a time, an actor and a trace.

Whatever could not be stored is refused here, before anything is written.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from pydantic_core import PydanticSerializationError, from_json

from events.event import Event
from events.uuid7 import uuid7
from kit.errors import DomainError

# An escaped NUL in JSON text: an odd number of backslashes, for \\u0000 is a backslash and four zeros.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event as the outbox keeps it, its fields in the order of the outbox's columns.

    `context` is compact JSON, `occurred_at` is in UTC, texts that are not known are empty.
    """

    event_id: UUID
    event_type: str
    occurred_at: datetime
    environment: str
    context: str
    metadata_version: int
    actor_id: str
    request_id: str
    trace_context: str

    def row(self) -> tuple[UUID, str, datetime, str, str, int, str, str, str]:
        """The values in their order; `dataclasses.astuple` copies each of them, which costs more than wrapping."""
        return (
            self.event_id, self.event_type, self.occurred_at, self.environment, self.context,
            self.metadata_version, self.actor_id, self.request_id, self.trace_context,
        )  # fmt: skip


def wrap(
    event: Event, *, environment: str, actor_id: str, request_id: str, trace_context: str, max_bytes: int
) -> Envelope:
    """The event with an id and the time, ready to be recorded.

    Raises EventNotJson, EventTooLarge (by the size in UTF-8), EventHoldsNul or EventHoldsSurrogate.
    """
    texts = {
        "environment": environment, "actor_id": actor_id, "request_id": request_id, "trace_context": trace_context,
    }  # fmt: skip
    for field, text in texts.items():
        if not text.isprintable():
            _check_text(event, field=field, text=text)
    return Envelope(
        event_id=uuid7(),
        event_type=event.name,
        occurred_at=datetime.now(UTC),
        context=_context(event, max_bytes=max_bytes),
        metadata_version=event.version,
        **texts,
    )


def _context(event: Event, *, max_bytes: int) -> str:
    try:
        text = _json(event)
    except ValueError as error:
        raise _not_json(event, error) from error
    if _holds_nul(text):
        raise EventHoldsNul(event=event.name, field=_first_field(event, _holds_nul))
    size = len(text) if text.isascii() else len(text.encode())
    if size > max_bytes:
        raise EventTooLarge(event=event.name, size=size, max_bytes=max_bytes, field=_largest_field(event))
    return text


def _json(event: Event, *, field: str | None = None) -> str:
    """The event, or one field of it, as JSON; raises ValueError when that cannot be."""
    text = event.model_dump_json(include=None if field is None else {field}, warnings="error")
    if "NaN" in text or "Infinity" in text:
        from_json(text, allow_inf_nan=False)
    return text


def _holds_nul(text: str) -> bool:
    return "\\u0000" in text and _NUL.search(text) is not None


def _check_text(event: Event, *, field: str, text: str) -> None:
    if "\0" in text:
        raise EventHoldsNul(event=event.name, field=field)
    if _SURROGATE.search(text):
        raise EventHoldsSurrogate(event=event.name, field=field)


def _not_json(event: Event, error: ValueError) -> DomainError:
    field = _first_field(event, lambda _: False)
    if "surrogates not allowed" in str(error):
        return EventHoldsSurrogate(event=event.name, field=field)
    reason = str(error) if isinstance(error, PydanticSerializationError) else "NaN and Infinity are not JSON"
    return EventNotJson(event=event.name, field=field, reason=" ".join(reason.split())[:300])


def _first_field(event: Event, is_at_fault: Callable[[str], bool]) -> str:
    """The first field that cannot be serialised alone, or whose JSON is at fault."""
    for field in type(event).model_fields:
        try:
            if is_at_fault(_json(event, field=field)):
                return field
        except ValueError:
            return field
    return "?"


def _largest_field(event: Event) -> str:
    return max(type(event).model_fields, key=lambda field: len(_json(event, field=field)), default="?")


class EventNotJson(DomainError):
    """{event} cannot be recorded: its field {field!r} is not JSON ({reason})."""


class EventTooLarge(DomainError):
    """{event} cannot be recorded: it has {size} bytes as JSON, {max_bytes} are allowed (OUTBOX_MAX_EVENT_BYTES).

    Its largest field is {field!r}: put large content elsewhere and record where.
    """


class EventHoldsNul(DomainError):
    """{event} cannot be recorded: its field {field!r} holds a NUL character, which PostgreSQL cannot keep."""


class EventHoldsSurrogate(DomainError):
    """{event} cannot be recorded: its field {field!r} holds half of a surrogate pair, which UTF-8 cannot express."""
