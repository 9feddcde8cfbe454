"""One registration and all that it leaves behind, as docs/observability.md tells it.

Whether it is told anew (`make story`) or held against the document, whatever the ids and times: what is seen must
hang together first.
"""

import json
import os
import re

from core.settings.environment import SOURCE
from tests.acceptance.conftest import Application, eventually
from tests.acceptance.observability.collector import ReceivedSpan
from tests.acceptance.observability.conftest import lines
from tests.acceptance.scrape import Scrape, scrape

DOCUMENT = SOURCE.parent / "docs" / "observability.md"
BEGIN, END = "<!-- story: written by `make story` -->\n", "<!-- end of story -->"
TRACE = "8f2b6c3d0a6f4f0f9d1f7a5f3c2e1b0a"
COMMAND = f"""\
curl -s localhost:8000/api/users/ -H 'Content-Type: application/json' \\
  -H 'X-Request-ID: story-1' -H 'traceparent: 00-{TRACE}-00f067aa0ba902b7-01' \\
  -d '{{"email": "ada@example.com", "password": "a long way down"}}'
"""
ROW = (
    "event_type", "event_date_time", "environment", "event_context", "metadata_version", "event_id", "actor_id",
    "request_id", "trace_id", "span_id", "batch_id",
)  # fmt: skip
DELIVERED = "die_hard_outbox_events_delivered_total"
# It is a matter of luck how many go by.
UNRELATED = {"die_hard_outbox_ticks_total", "die_hard_outbox_reconciliations_total"}
COUNTED = {
    'die_hard_http_request_seconds_count{method="POST", route="api/users/", status="2xx"}': 1,
    'die_hard_http_request_bytes_count{method="POST", route="api/users/"}': 1,
    'die_hard_http_response_bytes_count{method="POST", route="api/users/"}': 1,
    'die_hard_outbox_events_recorded_total{event_type="user_registered"}': 1,
    "die_hard_outbox_batches_sealed_total": 1,
    "die_hard_outbox_events_sealed_total": 1,
    "die_hard_outbox_batches_delivered_total": 1,
    "die_hard_outbox_events_delivered_total": 1,
    "die_hard_outbox_batch_events_count": 1,
    "die_hard_outbox_batch_bytes_count": 1,
    'die_hard_outbox_delivery_seconds_count{outcome="delivered"}': 1,
}
FIRST = {"timestamp", "level", "event"}
SHOWN = (
    "http.response.status_code", "user.id", "event_type", "batch_id", "events", "attempt", "outcome",
)  # fmt: skip


def test_one_registration_leaves_the_story_that_the_document_tells(observed, observed_event_log, collector):
    before = eventually(lambda: settled(observed))
    answer = register(observed)
    row = eventually(lambda: row_of(observed_event_log))
    delivery = eventually(lambda: collector.linked_to(TRACE))[0]
    eventually(lambda: len(collector.trace(TRACE)) == 3 and len(collector.trace(delivery.trace_id)) >= 1)
    after = eventually(lambda: settled(observed, delivered=before.total(DELIVERED) + 1))
    counted = what_counted(before, after)
    access = lines_of(observed, "web", request_id="story-1")
    (delivered,) = eventually(lambda: lines_of(observed, "worker", event="batch_delivered", batch_id=row["batch_id"]))
    worked = lines_of(observed, "worker", task_id=delivered["task_id"])

    check_trace(collector.trace(TRACE), delivery)
    check_lines(access, worked, spans=collector.trace(TRACE), delivery=delivery)
    check_row(row, answer, recording=collector.trace(TRACE)[-1], delivery=delivery)
    assert counted == COUNTED

    introduction, rest = DOCUMENT.read_text().split(BEGIN)
    written, end = rest.split(END)
    told = tell(
        answer=answer["text"], access=access, worked=worked, row=row, counted=counted,
        traces=tree(collector.trace(TRACE)) + tree([delivery], of_trace=TRACE),
    )  # fmt: skip
    if os.environ.get("TELL_STORY"):
        DOCUMENT.write_text(introduction + BEGIN + told + END + end)
    else:
        assert without_values(told) == without_values(written), "if this is as it should be now: make story"


def check_trace(spans: list[ReceivedSpan], delivery: ReceivedSpan) -> None:
    """The client's trace goes on down to the recording; the delivery is a trace of its own that links to it."""
    assert [span.name for span in spans] == ["POST api/users/", "use_case.RegisterUser", "outbox.record"]
    assert [span.parent_id for span in spans] == ["00f067aa0ba902b7", spans[0].span_id, spans[1].span_id]
    assert {span.trace_id for span in spans} == {TRACE}
    assert (delivery.name, delivery.parent_id, delivery.links) == ("outbox.deliver", "", [TRACE])
    assert delivery.trace_id != TRACE


def check_lines(access: list[dict], worked: list[dict], *, spans: list[ReceivedSpan], delivery: ReceivedSpan) -> None:
    """One line of the request, in its span; the lines of the tick that delivered it, the last one in the delivery's."""
    (line,) = access
    assert (line["event"], line["method"], line["route"], line["status"]) == (
        "request_finished", "POST", "api/users/", 201,
    )  # fmt: skip
    assert (line["trace_id"], line["span_id"]) == (TRACE, spans[0].span_id)
    assert [each["event"] for each in worked] == ["outbox_sealed", "batch_delivered"]
    assert {each["task"] for each in worked} == {"outbox.tick"}
    assert (worked[1]["trace_id"], worked[1]["span_id"]) == (delivery.trace_id, delivery.span_id)
    assert (worked[1]["batch_id"], worked[1]["events"]) == (delivery.attributes["batch_id"], 1)


def check_row(row: dict, answer: dict, *, recording: ReceivedSpan, delivery: ReceivedSpan) -> None:
    """What ClickHouse has: the request's id and trace, the recording's span, the delivery's batch, the person's id."""
    user = json.loads(answer["text"])
    assert (row["event_type"], row["environment"], row["metadata_version"]) == ("user_registered", "test", "1")
    assert json.loads(row["event_context"]) == {"user_id": user["id"], "email": "ada@example.com"}
    assert row["actor_id"] == str(user["id"])
    assert row["request_id"] == answer["request_id"] == "story-1"
    assert (row["trace_id"], row["span_id"]) == (TRACE, recording.span_id)
    assert row["batch_id"] == delivery.attributes["batch_id"]


def register(application: Application) -> dict:
    answer = application.http.post(
        "/api/users/",
        json={"email": "ada@example.com", "password": "a long way down"},
        headers={"X-Request-ID": "story-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
    )
    assert answer.status_code == 201, answer.text
    return {"request_id": answer.headers["X-Request-ID"], "text": answer.text}


def settled(application: Application, *, delivered: float = 0) -> Scrape | None:
    """A scrape at a time when nothing waits and so many events are delivered."""
    found = scrape(application)
    at_rest = found.total("die_hard_outbox_pending_events") == 0 and found.total(DELIVERED) >= delivered
    return found if at_rest else None


def what_counted(before: Scrape, after: Scrape) -> dict[str, float]:
    """What was counted in between: the request's own and the outbox's."""
    earlier = {(each.name, *sorted(each.labels.items())): each.value for each in before.samples}
    counted = {}
    for each in after.samples:
        grown = each.value - earlier.get((each.name, *sorted(each.labels.items())), 0.0)
        is_ours = each.labels.get("route") == "api/users/" or each.name.startswith("die_hard_outbox_")
        if grown and is_ours and each.name not in UNRELATED and each.name.endswith(("_total", "_count")):
            labels = ", ".join(f'{name}="{value}"' for name, value in sorted(each.labels.items()))
            counted[f"{each.name}{f'{{{labels}}}' if labels else ''}"] = grown
    return counted


def row_of(event_log) -> dict:
    found = event_log.execute(f"SELECT {', '.join(ROW)} FROM event_log WHERE trace_id = '{TRACE}'")
    return {name: str(value) for name, value in zip(ROW, found[0], strict=True)} if found else {}


def lines_of(application: Application, process: str, **wanted: str) -> list[dict]:
    return [line for line in lines(application, process) if wanted.items() <= line.items()]


def tell(
    *, answer: str, access: list[dict], worked: list[dict], traces: str, row: dict, counted: dict[str, float]
) -> str:
    columns = "\n".join(f"{name:<17} {value}" for name, value in row.items())
    figures = "\n".join(sorted(f"{name}  +{grown:g}" for name, grown in counted.items()))
    return "\n".join([
        f"```sh\n{COMMAND}```", "It is answered:", block(answer, "json"),
        "The web server's log has one line:", logged(access),
        "and the worker's those of the tick that delivered it:", logged(worked),
        "The trace that the request came with ends with the recording; the delivery is a trace of its own with a link",
        "to it:", block(traces, "text"),
        "`SELECT * FROM event_log WHERE trace_id = '…'` finds the row, whose `span_id` is the recording's:",
        block(columns, "text"),
        "and in between `/metrics` has counted:", block(figures, "text"), "",
    ])  # fmt: skip


def tree(spans: list[ReceivedSpan], *, of_trace: str = "") -> str:
    known = {span.span_id: span for span in spans}

    def depth(span: ReceivedSpan) -> int:
        return 1 + depth(known[span.parent_id]) if span.parent_id in known else 0

    told = [f"trace {spans[0].trace_id}" + (f", linked to {of_trace}" if of_trace else "")]
    for span in spans:
        facts = " ".join(f"{name}={span.attributes[name]}" for name in SHOWN if name in span.attributes)
        told.append(f"{'   ' * depth(span)}└─ {span.name}  [{span.span_id}]  {facts}".rstrip())
    return "\n".join(told) + "\n"


def logged(found: list[dict]) -> str:
    """The lines with their keys in one order; that of the context's is as it comes."""
    in_order = ({key: line[key] for key in sorted(line, key=lambda key: (key not in FIRST, key))} for line in found)
    return block("\n".join(json.dumps(line) for line in in_order), "json")


def block(text: str, kind: str) -> str:
    return f"\n```{kind}\n{text.rstrip()}\n```\n"


def without_values(story: str) -> str:
    """The same with ids, times and numbers as placeholders."""
    for pattern, placeholder in (
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r"\b[0-9a-f]{32}\b", "TRACE"),
        (r"\b[0-9a-f]{16}\b", "SPAN"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "TIME"),
        (r"\d+(\.\d+)?", "N"),
    ):
        story = re.sub(pattern, placeholder, story)
    return story
