"""From the request's span to the row in ClickHouse, as a collector receives it from the real processes."""

import signal
from uuid import uuid4

from tests.acceptance.conftest import eventually
from tests.acceptance.observability.conftest import lines

PARENT = f"00-{'4bf92f3577b34da6a3ce929d0e0e4736'}-00f067aa0ba902b7-01"
SERVER, INTERNAL, CONSUMER = 2, 1, 5


def register(application, **headers: str):
    """Register somebody; the answer and the id of the trace that we began."""
    trace_id = uuid4().hex
    answer = application.http.post(
        "/api/users/",
        json={"email": f"ada.{uuid4().hex[:12]}@example.com", "password": "a long way down"},
        headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", **headers},
    )
    assert answer.status_code == 201, answer.text
    return answer, trace_id


def whole_trace(collector, trace_id: str, *, spans: int = 3):
    """The spans of a trace, once there are as many; they come as they end, the outermost last."""
    return eventually(lambda: len(collector.trace(trace_id)) >= spans and collector.trace(trace_id))


def rows_of(event_log, trace_id: str) -> list[tuple]:
    return event_log.execute(
        "SELECT event_type, trace_id, span_id, batch_id FROM event_log WHERE trace_id = %(id)s", {"id": trace_id}
    )


def test_a_registration_is_one_trace_down_to_its_row_and_the_delivery_links_to_it(
    observed, observed_event_log, collector
):
    _, trace_id = register(observed)
    ((event_type, _, span_id, batch_id),) = eventually(lambda: rows_of(observed_event_log, trace_id))
    request, use_case, recording = whole_trace(collector, trace_id)
    assert [request.name, use_case.name, recording.name] == [
        "POST api/users/", "use_case.RegisterUser", "outbox.record",
    ]  # fmt: skip
    assert [request.parent_id, use_case.parent_id, recording.parent_id] == [
        "00f067aa0ba902b7", request.span_id, use_case.span_id,
    ]  # fmt: skip
    assert (request.kind, use_case.kind) == (SERVER, INTERNAL)
    assert (event_type, span_id) == ("user_registered", recording.span_id)
    (delivery,) = eventually(lambda: collector.linked_to(trace_id))
    assert (delivery.name, delivery.parent_id) == ("outbox.deliver", "")
    assert delivery.trace_id != trace_id
    assert delivery.attributes["batch_id"] == str(batch_id)
    assert delivery.attributes["outcome"] == "delivered"


def test_a_requests_span_has_its_route_status_and_sizes_and_no_path(observed, collector):
    answer, trace_id = register(observed, **{"X-Request-ID": "r-17"})
    request = whole_trace(collector, trace_id)[0]
    attributes = request.attributes
    assert attributes["http.route"] == "api/users/"
    assert attributes["http.response.status_code"] == 201
    assert attributes["http.response.body.size"] == len(answer.content)
    assert attributes["request_id"] == "r-17"
    assert not {"url.path", "url.full"} & attributes.keys()


def test_the_resource_is_what_the_standard_variables_say_and_ours_besides(observed, collector):
    _, trace_id = register(observed)
    resource = whole_trace(collector, trace_id)[0].resource
    assert resource["service.name"] == "die-hard"
    assert resource["service.version"] == "v1.2.3-4-gabcdef0"
    assert resource["service.namespace"] == "acceptance"
    assert resource["deployment.environment.name"] == observed.environment["ENVIRONMENT"]


def test_a_fault_of_ours_is_an_error_on_the_span_and_a_refusal_is_not(observed, collector, database):
    trace_id, refused_id = uuid4().hex, uuid4().hex
    login = {"email": "nobody@example.com", "password": "a long way down"}
    database.execute("ALTER TABLE users_user RENAME TO hidden")
    try:
        answer = observed.http.post(
            "/api/auth/login/", json=login, headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
        )
    finally:
        database.execute("ALTER TABLE hidden RENAME TO users_user")
    assert answer.status_code == 500
    observed.http.post("/api/auth/login/", json=login, headers={"traceparent": f"00-{refused_id}-00f067aa0ba902b7-01"})
    request, use_case = whole_trace(collector, trace_id, spans=2)
    assert request.is_error
    assert use_case.is_error
    assert request.events["exception"]["exception.type"] == "ProgrammingError"
    refused = whole_trace(collector, refused_id)
    assert not any(span.is_error for span in refused)
    assert refused[1].attributes["error.type"] == "InvalidCredentials"


def test_a_task_is_a_span_and_what_it_does_is_in_its_trace(observed, collector):
    register(observed)
    sealing = eventually(lambda: [span for span in list(collector.spans) if span.name == "outbox.seal"])[-1]
    tick = whole_trace(collector, sealing.trace_id, spans=2)[0]
    assert (tick.name, tick.kind, tick.parent_id) == ("outbox.tick", CONSUMER, "")
    assert sealing.parent_id == tick.span_id


def test_a_command_is_a_span_that_is_exported_before_it_exits(observed, collector):
    before = len(collector.spans)
    observed.manage("migrate_event_store")
    assert "migrate_event_store" in [span.name for span in collector.spans[before:]]


def test_what_a_process_has_open_is_exported_when_it_is_told_to_stop(observed, observed_environment, collector):
    observed.environment["OTEL_BSP_SCHEDULE_DELAY"] = "600000"
    observed.kill("web", with_signal=signal.SIGTERM)
    observed.start("web")
    _, trace_id = register(observed)
    assert collector.trace(trace_id) == []
    observed.kill("web", with_signal=signal.SIGTERM)
    assert len(collector.trace(trace_id)) == 3
    observed.environment["OTEL_BSP_SCHEDULE_DELAY"] = "100"
    observed.start("web")


def test_log_lines_name_the_trace_and_the_span(observed):
    _, trace_id = register(observed)
    (access,) = eventually(lambda: [line for line in lines(observed, "web") if line.get("trace_id") == trace_id])
    assert access["event"] == "request_finished"
    assert len(access["span_id"]) == 16


def test_a_task_that_a_request_causes_knows_the_request_and_goes_on_with_its_trace(observed, collector):
    trace_id = uuid4().hex
    cause = (
        "from core.celery import app; from outbox import context;"
        f"context.request_id.set('r-{trace_id}'); context.actor_id.set('17');"
        f"context.trace_context.set('00-{trace_id}-00f067aa0ba902b7-01'); app.send_task('outbox.reconcile')"
    )
    observed.manage("shell", "--no-imports", "-c", cause)
    line = eventually(
        lambda: [line for line in lines(observed, "worker") if line.get("request_id") == f"r-{trace_id}"]
    )[-1]
    assert (line["task"], line["actor_id"], line["trace_id"]) == ("outbox.reconcile", "17", trace_id)
    (task,) = whole_trace(collector, trace_id, spans=1)
    assert (task.name, task.parent_id) == ("outbox.reconcile", "00f067aa0ba902b7")


def test_a_workers_children_export_what_they_have_when_the_worker_is_told_to_stop(observed, collector):
    observed.environment["OTEL_BSP_SCHEDULE_DELAY"] = "600000"
    observed.kill("worker")
    observed.start("worker")
    logged = len(observed.log("worker"))
    register(observed)
    eventually(lambda: "batch_delivered" in observed.log("worker")[logged:])
    delivery = next(line for line in reversed(lines(observed, "worker")) if line["event"] == "batch_delivered")
    assert collector.trace(delivery["trace_id"]) == []
    worker = observed.processes["worker"]
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=30)
    assert [span.name for span in collector.trace(delivery["trace_id"])] == ["outbox.deliver"]
    observed.environment["OTEL_BSP_SCHEDULE_DELAY"] = "100"
    observed.start("worker")
