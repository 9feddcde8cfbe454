"""The shapes that go in and out."""

from typing import Any, ClassVar

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from event_log.api.fields import ContextField, MomentField, unpacked
from events.event import MAX_NAME_LENGTH
from events.reading import Place, StoredEvent

_MOST_TYPES = 20


class FilterField(serializers.CharField):
    """A text that must be the same, to the letter."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, trim_whitespace=False, max_length=200, **options)


class EventQuerySerializer(serializers.Serializer[Any]):
    """Which events. What it does not know, or is given twice, is refused: an audit must not miss a filter's typo."""

    event_type = serializers.ListField(
        child=serializers.RegexField(r"^[a-z_][a-z0-9_]*\Z", max_length=MAX_NAME_LENGTH, trim_whitespace=False),
        required=False, max_length=_MOST_TYPES, help_text="Of one of these types; may be given several times.",
    )  # fmt: skip
    actor_id = FilterField(help_text="Done by this person: the id of an account.")
    request_id = FilterField(help_text="Recorded in this request.")
    trace_id = serializers.RegexField(
        r"^[0-9a-f]{32}\Z", required=False, trim_whitespace=False, help_text="Recorded in this trace (W3C).",
    )  # fmt: skip
    environment = FilterField(help_text="Recorded where this is `ENVIRONMENT`.")
    since = MomentField(required=False, help_text="Happened then or later (RFC 3339).")
    until = MomentField(required=False, help_text="Happened before that.")
    after = serializers.RegexField(
        r"^[A-Za-z0-9_-]{32}\Z", required=False, trim_whitespace=False, help_text="Begin there: `next` has it.",
    )  # fmt: skip
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        query: QueryDict | None = getattr(self.context.get("request"), "query_params", None)
        if query is None:
            understood: dict[str, Any] = super().to_internal_value(data)
            return understood
        several = {name for name, field in self.fields.items() if isinstance(field, serializers.ListField)}
        self._demand_known_once(query, several=several)
        given = {name: query.getlist(name) if name in several else query[name] for name in query}
        return dict(super().to_internal_value(given))

    def validate_after(self, letters: str) -> Place:
        try:
            return unpacked(letters)
        except (ValueError, OverflowError):
            raise serializers.ValidationError("Take it from `next` of the page before, as it is.", "invalid") from None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": ErrorDetail("It must be later than `since`.", code="invalid")})
        return attrs

    def _demand_known_once(self, query: QueryDict, *, several: set[str]) -> None:
        unknown = [name for name in query if name not in self.fields]
        repeated = [name for name, values in query.lists() if len(values) > 1 and name not in {*several, *unknown}]
        wrong = {name: ErrorDetail("There is no such parameter.", code="unknown") for name in unknown}
        wrong |= {name: ErrorDetail("Give it once.", code="repeated") for name in repeated}
        if wrong:
            raise serializers.ValidationError(wrong)


class EventSerializer(serializers.Serializer[StoredEvent]):
    """An event as the event log has it. Texts that are not known are empty."""

    example: ClassVar = {
        "event_id": "019ab5c1-7c3e-7f21-9d55-0a4f3b8e6c12",
        "event_type": "user_registered",
        "event_date_time": "2026-11-24T09:30:00.123456Z",
        "environment": "production",
        "actor_id": "42",
        "request_id": "45ebbd7c-6c48-4dab-ac33-23cabf24e9a7",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "metadata_version": 1,
        "event_context": {"user_id": 42, "email": "ada@example.com"},
    }

    event_id = serializers.UUIDField(read_only=True)
    event_type = serializers.CharField(read_only=True, help_text="What happened, in the past tense.")
    event_date_time = MomentField(read_only=True, source="occurred_at", help_text="When, in UTC, to the microsecond.")
    environment = serializers.CharField(read_only=True, help_text="Where: production, staging …")
    actor_id = serializers.CharField(read_only=True, help_text="Who did it.")
    request_id = serializers.CharField(read_only=True, help_text="The request or task in which it happened.")
    trace_id = serializers.CharField(read_only=True, help_text="The trace (W3C).")
    span_id = serializers.CharField(read_only=True, help_text="The span within the trace.")
    metadata_version = serializers.IntegerField(read_only=True, help_text="Of the fields of this type, from 1.")
    event_context = ContextField(
        read_only=True, allow_null=True, source="context",
        help_text="The event's own fields; null if they are no JSON object, which `outbox verify` reports.",
    )  # fmt: skip


class EventPageSerializer(serializers.Serializer[Any]):
    """A page of events, and where the next one is."""

    example: ClassVar = {
        "results": [EventSerializer.example],
        "next": "/api/events/?limit=1&after=AAZhAlq4WEABmrXBfD5_IZ1VCk87jmwS",
    }

    results = EventSerializer(many=True)
    next = serializers.CharField(allow_null=True)
