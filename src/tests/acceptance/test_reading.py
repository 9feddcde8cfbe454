"""Who did what, when: asked over HTTP of the real processes; also while ClickHouse is away."""

import json
import time
from uuid import uuid4

import pytest

from tests.acceptance.conftest import Application, eventually
from tests.acceptance.test_journey import new_email

AUDITOR = {"email": "auditor@example.com", "password": "the way of all"}
GRANT = f"""
from django.contrib.auth.models import Permission
from users.models import User
user = User.objects.create_user("{AUDITOR["email"]}", "{AUDITOR["password"]}", is_staff=True)
user.user_permissions.add(Permission.objects.get(content_type__app_label="event_log", codename="view_event"))
"""


@pytest.fixture(scope="module")
def auditor(application: Application) -> dict[str, str]:
    application.manage("shell", "-c", GRANT)
    token = application.http.post("/api/auth/login/", json=AUDITOR).json()["token"]
    return {"Authorization": f"Bearer {token}"}


def events_of(application: Application, auditor: dict[str, str], **query: str) -> list[dict]:
    response = application.http.get("/api/events/", params=query, headers=auditor)
    assert response.status_code == 200, response.text
    return response.json()["results"]


def test_a_registration_is_seen_over_the_api_within_seconds(application, auditor):
    registered = application.register(email := new_email())
    request_id, user_id = registered.headers["X-Request-ID"], registered.json()["id"]
    (event,) = eventually(lambda: events_of(application, auditor, request_id=request_id), within=10)
    assert (event["event_type"], event["actor_id"]) == ("user_registered", str(user_id))
    assert (event["event_context"]["email"], event["environment"]) == (email, application.environment["ENVIRONMENT"])
    assert application.http.get(f"/api/events/{event['event_id']}/", headers=auditor).json() == event
    query = {"event_type": ["user_registered"], "actor_id": str(user_id), "since": event["event_date_time"]}
    assert events_of(application, auditor, **query) == [event]
    earlier = {"since": "2000-01-01T00:00:00Z", "until": event["event_date_time"]}
    assert events_of(application, auditor, **query | earlier) == []


def test_a_reading_is_seen_itself(application, auditor):
    response = application.http.get("/api/events/", params={"actor_id": "nobody", "limit": 7}, headers=auditor)
    request_id = response.headers["X-Request-ID"]
    (event,) = eventually(lambda: events_of(application, auditor, request_id=request_id), within=10)
    assert event["event_type"] == "events_read"
    assert event["event_context"] == {"filters": {"actor_id": ["nobody"], "limit": ["7"]}, "events": 0}


def test_pages_hold_all_that_was_there_while_more_arrives(application, auditor):
    there = {application.register(new_email()).json()["id"] for _ in range(7)}
    query = {"event_type": "user_registered"}
    eventually(lambda: there <= {e["event_context"]["user_id"] for e in events_of(application, auditor, **query)})
    seen: list[int] = []
    address = "/api/events/?event_type=user_registered&limit=3"
    while address and not there <= set(seen):
        application.register(new_email())
        page = application.http.get(address, headers=auditor).json()
        seen += [event["event_context"]["user_id"] for event in page["results"]]
        address = page["next"]
    assert there <= set(seen)
    assert len(seen) == len(set(seen))


def test_while_clickhouse_is_away_readers_are_told_so_and_nobody_else_notices(application, auditor):
    events_of(application, auditor)
    application.clickhouse.close()
    try:
        for path in ("/api/events/", f"/api/events/{uuid4()}/"):
            started = time.monotonic()
            response = application.http.get(path, headers=auditor)
            assert (response.status_code, response.json()["type"]) == (503, "urn:problem:event-log-unavailable")
            assert response.headers["Retry-After"] == "5"
            assert time.monotonic() - started < 5
        assert application.http.get("/readyz").status_code == 200
        assert application.register(new_email()).status_code == 201
    finally:
        application.clickhouse.open()
    assert isinstance(events_of(application, auditor), list)
    lines = [json.loads(line) for line in application.log("web").splitlines() if line.startswith("{")]
    said = [line["level"] for line in lines if line["event"] == "event_log_unavailable"]
    assert said == ["warning", "warning"]
    assert [line for line in lines if line["level"] in {"error", "critical"} and "events" in line["event"]] == []
    assert "Traceback" not in application.log("web")


def test_the_web_server_stops_when_asked_to_although_it_has_read(application, auditor):
    events_of(application, auditor)
    web = application.processes["web"]
    web.terminate()
    assert web.wait(timeout=20) in {0, -15}
    assert "ResourceWarning" not in application.log("web")
    application.processes.pop("web")
    application.start("web")
