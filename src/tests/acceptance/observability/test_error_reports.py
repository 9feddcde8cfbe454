"""What Sentry is sent by the real processes, and what it is not."""

import json
import re
import socket
import time
from http import HTTPStatus
from uuid import uuid4

import httpx
import pytest
import redis

from tests.acceptance.conftest import COMMANDS, eventually
from tests.acceptance.observability.conftest import lines
from tests.ports import free_port

LOGIN = {"email": "nobody@example.com", "password": "canary-5d2e-long-enough"}
SEND_RECONCILE = "from core.celery import app; app.send_task('outbox.reconcile')"
INSERT = """
    INSERT INTO outbox_event (
        event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id, trace_context
    )
    VALUES (gen_random_uuid(), 'test_noticed', now(), 'test', '{}', %s, '', '', '')
"""


def reported(sentry, title: str):
    return eventually(lambda: sentry.errors(title), within=30)


def test_a_fault_in_a_request_is_reported_with_its_context_and_without_the_persons_data(observed, sentry, database):
    email = f"ada.{uuid4().hex[:12]}@example.com"
    user = observed.register(email).json()
    token = observed.http.post("/api/auth/login/", json={"email": email, "password": "a long way down"}).json()["token"]
    database.execute("ALTER TABLE knox_authtoken RENAME TO hidden_tokens")
    try:
        observed.http.get("/api/users/me/", headers={"Authorization": f"Bearer {token}", "X-Request-ID": "s-1"})
        observed.http.post("/api/auth/login/", json={**LOGIN, "email": email, "password": "a long way down"})
    finally:
        database.execute("ALTER TABLE hidden_tokens RENAME TO knox_authtoken")
    reports = reported(sentry, "ProgrammingError")
    (report,) = [each.content for each in reports if each.content["tags"].get("request_id") == "s-1"]
    assert report["release"] == "v1.2.3-4-gabcdef0"
    assert report["tags"]["trace_id"]
    assert report["user"] == {}
    assert user["email"] not in str(report)
    assert token not in "".join(sentry.bodies)


@pytest.fixture
def throttled(observed):
    """Where another web server of the installation is, which counts attempts."""
    port = free_port()
    observed.launch(
        "throttled", [part.format(port=port, folder=observed.folder) for part in COMMANDS["web"]], THROTTLES="true"
    )
    try:
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(address))
        yield address
    finally:
        observed.kill("throttled")


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/livez").status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False


def test_nothing_that_attempts_are_counted_by_is_in_what_is_sent(observed, throttled, sentry, database):
    """Whose address it is stands in keys of Redis and in headers, and the account under a digest."""
    email, address, forwarded = f"ada.{uuid4().hex[:12]}@example.com", "127.0.0.77", "203.0.113."
    headers = {
        "X-Forwarded-For": f"{forwarded}1", "Forwarded": f"for={forwarded}2", "CF-Connecting-IP": f"{forwarded}3",
        "X-Client-IP": f"{forwarded}4", "Referer": f"https://elsewhere.example/?from={forwarded}5",
    }  # fmt: skip
    transport = httpx.HTTPTransport(local_address=address)
    with httpx.Client(base_url=throttled, transport=transport, headers=headers, timeout=10) as there:

        def log_in(request_id: str, password: str) -> int:
            sent = {"email": email, "password": password}
            return there.post("/api/auth/login/", json=sent, headers={"X-Request-ID": request_id}).status_code

        there.post("/api/users/", json={"email": email, "password": "a long way down"})
        database.execute("ALTER TABLE knox_authtoken RENAME TO hidden_tokens")
        try:
            assert log_in("s-2", "a long way down") == HTTPStatus.INTERNAL_SERVER_ERROR
        finally:
            database.execute("ALTER TABLE hidden_tokens RENAME TO knox_authtoken")
        answered = [log_in(f"s-3-{attempt}", LOGIN["password"]) for attempt in range(31)]
    assert answered[-1] == HTTPStatus.TOO_MANY_REQUESTS
    with redis.Redis.from_url(observed.environment["REDIS_URL"], decode_responses=True) as counts:
        keys = [key for key in counts.keys("throttle*") if address in key]
    digests = {found for key in keys for found in re.findall(r"[0-9a-f]{32}", key)}
    assert digests
    eventually(lambda: [each for each in sentry.errors() if each.content["tags"].get("request_id") == "s-2"], within=30)
    eventually(lambda: '"s-3-30"' in "".join(sentry.bodies), within=30)
    bodies = "".join(sentry.bodies)
    for hidden in (address, forwarded, *digests):
        assert hidden not in bodies


def test_a_fault_in_a_request_is_one_report_and_one_line_of_the_log(observed, sentry, database):
    database.execute("ALTER TABLE users_user RENAME TO hidden_users")
    try:
        observed.http.post("/api/auth/login/", json=LOGIN, headers={"X-Request-ID": "s-4"})
    finally:
        database.execute("ALTER TABLE hidden_users RENAME TO users_user")
    before = len(sentry.errors("event_quarantined"))
    database.execute(INSERT, (-3,))  # what comes after it, and is reported
    eventually(lambda: len(sentry.errors("event_quarantined")) > before, within=30)
    of_request = [each for each in sentry.errors() if each.content["tags"].get("request_id") == "s-4"]
    assert [each.title for each in of_request] == ["ProgrammingError"]
    said = [line for line in lines(observed, "web") if line.get("request_id") == "s-4" and line["level"] == "error"]
    assert [line["event"] for line in said] == ["Internal Server Error"]
    assert "/api/auth/login/" not in json.dumps(said)


def test_a_fault_in_a_task_is_reported_with_the_task(observed, sentry, database):
    database.execute("ALTER TABLE outbox_cursor RENAME TO hidden_cursor")
    try:
        reports = eventually(
            lambda: [each for each in sentry.errors("ProgrammingError") if "task" in each.content["tags"]], within=30
        )
    finally:
        database.execute("ALTER TABLE hidden_cursor RENAME TO outbox_cursor")
    assert reports[0].content["tags"]["task"] == "outbox.tick"
    assert reports[0].content["tags"]["task_id"]


def test_a_fault_in_a_command_is_reported_before_it_exits(observed, sentry):
    right = observed.environment["DATABASE_URL"]
    observed.environment["DATABASE_URL"] = "postgres://app@127.0.0.1:1/nothing"
    try:
        done = observed.manage("sqlflush", check=False)
    finally:
        observed.environment["DATABASE_URL"] = right
    assert done.returncode == 1
    assert done.stdout == ""
    printed = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert printed == ["uncaught_exception"]
    reports = [each.content for each in sentry.errors() if each.content["tags"].get("command") == "sqlflush"]
    assert len(reports) == 1
    assert reports[0]["exception"]["values"][-1]["type"] == "OperationalError"
    observed.manage("loaddata", "no_such_fixture", check=False)
    assert not sentry.errors("CommandError")


def test_a_quarantined_event_is_reported_under_its_identifier(observed, sentry, database):
    database.execute(INSERT, (-1,))
    (report,) = reported(sentry, "event_quarantined")
    assert report.content["fingerprint"] == ["event_quarantined"]
    assert report.content["level"] == "error"
    assert report.content["extra"]["batch_id"]
    assert report.content["tags"]["task"] == "outbox.tick"


def test_a_failed_verification_is_reported_under_its_identifier(observed, observed_event_log, sentry):
    email = f"ada.{uuid4().hex[:12]}@example.com"
    observed.register(email)
    where = "JSONExtractString(event_context, 'email') = %(email)s"
    eventually(lambda: observed_event_log.execute(f"SELECT 1 FROM event_log WHERE {where}", {"email": email}))
    observed_event_log.execute(
        f"ALTER TABLE event_log DELETE WHERE {where} SETTINGS mutations_sync = 2", {"email": email}
    )
    eventually(lambda: observed.manage("outbox", "verify", check=False).returncode == 1)
    observed.manage("shell", "--no-imports", "-c", SEND_RECONCILE)
    reports = reported(sentry, "verification_failed")
    assert reports[0].content["extra"]["missing"] == 1
    assert reports[0].content["fingerprint"] == ["verification_failed"]


def test_what_is_expected_is_not_reported(observed, sentry, database):
    before = len(sentry.errors())
    email = f"ada.{uuid4().hex[:12]}@example.com"
    observed.register(email)
    assert observed.register(email).status_code == 409
    assert observed.http.post("/api/users/", json={"email": 5}).status_code == 400
    assert observed.http.post("/api/auth/login/", json=LOGIN).status_code == 401
    assert observed.http.get("/nowhere/").status_code == 404
    assert observed.http.get("/api/users/me/", headers={"Host": "elsewhere.example"}).status_code == 400
    with socket.create_connection(("127.0.0.1", observed.port)) as client:
        client.sendall(b"POST /api/users/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    observed.clickhouse.close()
    try:
        observed.register(f"ada.{uuid4().hex[:12]}@example.com")
        observed.manage("shell", "--no-imports", "-c", SEND_RECONCILE)
        eventually(lambda: "StoreUnavailable" in observed.log("worker") or "reconcile" in observed.log("worker"))
        eventually(lambda: "batch_postponed" in observed.log("worker"))
    finally:
        observed.clickhouse.open()
    database.execute(INSERT, (-2,))  # what comes after all of these, and is reported
    eventually(lambda: len(sentry.errors()) > before, within=30)
    assert [each.title for each in sentry.errors()[before:]] == ["event_quarantined"]


def test_a_trace_goes_on_through_the_broker(observed, sentry):
    """Beat publishes, the worker continues: its transaction names a trace, and errors within belong to it."""
    ticks = eventually(
        lambda: [each.content for each in sentry.transactions() if each.content["transaction"] == "outbox.tick"]
    )
    assert ticks[0]["contexts"]["trace"]["trace_id"]
    assert any(span["op"] == "outbox.seal" for tick in ticks for span in tick["spans"])


def test_neither_idle_ticks_nor_probes_are_traced(observed, sentry, collector):
    """A tick comes every second and a probe every few; hardly any of them is worth keeping."""
    before = len(sentry.transactions())
    for path in ("/livez", "/readyz"):
        assert observed.http.get(path).status_code == 200
    time.sleep(2)
    observed.register(f"ada.{uuid4().hex[:12]}@example.com")
    eventually(lambda: len(sentry.transactions()) >= before + 2)
    found = [each.content for each in sentry.transactions()]
    assert not any(each["transaction"].endswith(("/livez", "/readyz")) for each in found)
    ticks = [each for each in found if each["transaction"] == "outbox.tick"]
    assert ticks
    incidental = {"db", "queue.process"}
    assert all({span["op"] for span in tick["spans"]} - incidental for tick in ticks if is_well(tick))
    *_, registration = (each for each in found if each["transaction"] == "/api/users/")
    assert {"use_case.RegisterUser", "outbox.record", "db"} <= {span["op"] for span in registration["spans"]}
    exported = list(collector.spans)
    assert not any(span.attributes.get("http.route") in {"/livez", "/readyz"} for span in exported)
    parents = {span.parent_id for span in exported}
    assert all(span.span_id in parents or span.is_error for span in exported if span.name == "outbox.tick")


def test_what_somebody_typed_for_a_path_is_in_no_trace(observed, sentry):
    before, typed = len(sentry.transactions()), f"/api/auth/verify-email/confirm/1:{uuid4().hex}"
    assert observed.http.get(typed).status_code == 404
    (lost,) = eventually(
        lambda: [each.content for each in sentry.transactions()[before:] if each.content["transaction"] == "none"]
    )
    assert lost["request"]["url"] == str(observed.http.base_url).rstrip("/")
    assert typed.rpartition(":")[2] not in "".join(sentry.bodies)


def is_well(transaction) -> bool:
    return transaction["contexts"]["trace"].get("status") in {None, "ok"}
