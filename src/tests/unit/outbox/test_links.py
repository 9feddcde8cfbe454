"""A delivery names the traces of its events: each once, and no more than a span should have."""

from typing import Any

from events.store import Columns
from outbox import relay


def columns(*traces: tuple[str, str]) -> Columns:
    nothing: Any = ("",) * len(traces)
    return Columns(
        event_id=nothing, event_type=nothing, occurred_us=nothing, environment=nothing, context=nothing,
        metadata_version=nothing, actor_id=nothing, request_id=nothing,
        trace_id=[trace for trace, _ in traces], span_id=[span for _, span in traces],
    )  # fmt: skip


def test_each_trace_is_named_once_by_its_first_event():
    events = columns(("a", "1"), ("", ""), ("b", "2"), ("a", "3"))
    assert list(relay._traces(events)) == ["00-a-1-01", "00-b-2-01"]


def test_no_more_than_thirty_two_are_named():
    assert len(list(relay._traces(columns(*((f"{n:032x}", "1") for n in range(1000)))))) == 32


def test_events_without_a_trace_name_none():
    assert list(relay._traces(columns(("", ""), ("", "")))) == []
