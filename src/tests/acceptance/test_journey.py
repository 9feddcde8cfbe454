"""From the HTTP request to the row in ClickHouse, through the real processes; with servers that go away."""

import json
import signal
import statistics
import time
from uuid import uuid4

import psycopg

from tests.acceptance.conftest import eventually


def new_email() -> str:
    return f"ada.{uuid4().hex[:12]}@example.com"


def rows(event_log, email: str) -> list[tuple]:
    return event_log.execute(
        "SELECT event_type, actor_id, request_id, environment, event_context FROM event_log"
        " WHERE JSONExtractString(event_context, 'email') = %(email)s ORDER BY event_date_time",
        {"email": email},
    )


def all_arrived(event_log, emails: list[str]):
    def look() -> bool:
        return all(len(rows(event_log, email)) == 1 for email in emails)

    return look


def in_order(application):
    def look() -> bool:
        if pending(application):  # it costs little to ask, and much to verify
            return False
        found = application.verify()
        return found["in_order"] and found["pending_events"] == 0

    return look


def pending(application) -> int:
    """How many events are recorded and not settled."""
    with psycopg.connect(application.environment["DATABASE_URL"]) as database:
        (found,) = database.execute(
            "SELECT count(*) FROM outbox_event AS event WHERE NOT EXISTS"
            " (SELECT FROM outbox_batch WHERE state = 'delivered' AND event.id <@ ids)"
        ).fetchone()
    return found


def timed_registrations(application, count: int = 10) -> tuple[list[str], float]:
    """Register people; their addresses and the median seconds of an answer, each of them 201."""
    emails, seconds = [new_email() for _ in range(count)], []
    for email in emails:
        started = time.monotonic()
        response = application.register(email)
        seconds.append(time.monotonic() - started)
        assert response.status_code == 201, response.text
    return emails, statistics.median(seconds)


def test_a_registration_is_in_clickhouse_within_seconds_and_verified(application, event_log):
    email = new_email()
    response = application.register(email)
    assert response.status_code == 201
    user = response.json()

    ((event_type, actor_id, request_id, environment, context),) = eventually(lambda: rows(event_log, email), within=10)
    assert (event_type, actor_id) == ("user_registered", str(user["id"]))
    assert request_id == response.headers["X-Request-ID"]
    assert environment == application.environment["ENVIRONMENT"]
    assert "password" not in context
    assert json.loads(context)["user_id"] == user["id"]
    eventually(in_order(application))


def test_what_was_refused_leaves_the_refusal_and_no_registration(application, event_log):
    email = new_email()
    assert application.register(email).status_code == 201
    assert application.register(email.upper()).status_code == 409
    eventually(in_order(application))
    assert len(rows(event_log, email)) == 1
    assert [event_type for event_type, *_ in rows(event_log, email.upper())] == ["user_registration_failed"]


def test_while_clickhouse_is_stopped_registrations_go_on_and_everything_arrives_afterwards(application, event_log):
    _, usual = timed_registrations(application)
    application.clickhouse.close()
    try:
        emails, meanwhile = timed_registrations(application)
        eventually(lambda: "batch_postponed" in application.log("worker"))
        status = json.loads(application.manage("outbox", "status", "--json").stdout)
        assert status["pending_events"] >= len(emails)
        assert application.manage("outbox", "verify", check=False).returncode == 3
    finally:
        application.clickhouse.open()
    eventually(all_arrived(event_log, emails))
    eventually(in_order(application))
    assert meanwhile < 10 * usual + 0.5


def test_while_the_broker_is_stopped_registrations_go_on_and_everything_arrives_afterwards(application, event_log):
    _, usual = timed_registrations(application)
    application.broker.close()
    try:
        emails, meanwhile = timed_registrations(application)
        time.sleep(2)
        assert not any(rows(event_log, email) for email in emails[-1:])
    finally:
        application.broker.open()
    application.revive("worker")
    eventually(all_arrived(event_log, emails), within=60)
    eventually(in_order(application))
    assert meanwhile < 10 * usual + 0.5


def test_while_the_worker_is_dead_registrations_go_on_and_everything_arrives_afterwards(application, event_log):
    application.kill("worker")
    emails, _ = timed_registrations(application, count=3)
    application.start("worker")
    eventually(all_arrived(event_log, emails), within=60)
    eventually(in_order(application))


def test_a_worker_stops_when_asked_to(application, event_log):
    worker = application.processes["worker"]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    application.start("worker")


def test_an_event_altered_in_clickhouse_is_found_out(application, event_log, environment):
    email = new_email()
    application.register(email)
    eventually(in_order(application))
    ((event_id,),) = event_log.execute(
        "SELECT event_id FROM event_log WHERE JSONExtractString(event_context, 'email') = %(email)s", {"email": email}
    )
    event_log.execute(
        "ALTER TABLE event_log UPDATE event_context = '{}' WHERE event_id = %(id)s SETTINGS mutations_sync = 2",
        {"id": str(event_id)},
    )
    found = application.verify()
    assert found["in_order"] is False
    assert [difference["changed"] for difference in found["differences"]] == [[str(event_id)]]

    with psycopg.connect(environment["DATABASE_URL"]) as database:
        (context,) = database.execute("SELECT context FROM outbox_event WHERE event_id = %s", (event_id,)).fetchone()
    event_log.execute(
        "ALTER TABLE event_log UPDATE event_context = %(context)s WHERE event_id = %(id)s SETTINGS mutations_sync = 2",
        {"context": context, "id": str(event_id)},
    )
    assert application.verify()["in_order"] is True
