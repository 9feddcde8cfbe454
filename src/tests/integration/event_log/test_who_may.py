"""Who may read events, how often, and that it is on record."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from tests.integration.event_log.conftest import staff
from tests.integration.users.conftest import contexts, events, logged_in
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

DAY = "2026-03-10T00:00:"


def test_who_has_read_what_is_an_event_a_page_and_the_contents_are_none_of_it(api, auditor, keep):
    secret = "nobody's business"
    recorded = keep(rows=3, context=f'{{"note":"{secret}"}}')
    query = {"event_type": ["user_registered", "user_logged_in"], "until": f"{DAY}01Z", "limit": 2}
    page = api.get("/api/events/", query, headers=auditor).json()
    api.get(page["next"], headers=auditor)
    api.get(f"/api/events/{recorded[0]}/", headers=auditor)
    api.get(f"/api/events/{(missing := uuid4())}/", headers=auditor)
    asked = {"event_type": query["event_type"], "until": [query["until"]], "limit": ["2"]}
    assert contexts("events_read") == [
        {"filters": asked, "events": 2},
        {"filters": {**asked, "after": [page["next"].rpartition("=")[2]]}, "events": 1},
        {"filters": {"event_id": [str(recorded[0])]}, "events": 1},
        {"filters": {"event_id": [str(missing)]}, "events": 0},
    ]
    by = str(User.objects.get().pk)
    assert {event.actor_id for event in events("events_read")} == {by}
    assert not any(secret in event.context for event in events("events_read"))


def test_who_cannot_be_put_on_record_is_shown_nothing(api, auditor, keep, settings):
    (event_id,) = keep()
    settings.OUTBOX_MAX_EVENT_BYTES = 1
    api.raise_request_exception = False
    for path in ("/api/events/", f"/api/events/{event_id}/"):
        response = api.get(path, headers=auditor)
        assert response.status_code == 500
        assert str(event_id) not in response.content.decode().replace(path, "")


@pytest.mark.parametrize(
    ("permissions", "changes", "status"),
    [
        (("view_event",), {}, 200),
        ((), {"is_superuser": True}, 200),
        ((), {}, 403),
        (("view_user", "view_outboxevent"), {}, 403),
        (("view_event",), {"is_staff": False}, 403),
    ],
)
def test_staff_with_the_permission_may_and_nobody_else(api, keep, permissions, changes, status):
    (event_id,) = keep()
    headers = staff(api, *permissions, **changes)
    for path in ("/api/events/", f"/api/events/{event_id}/"):
        for method in ("GET", "HEAD"):
            assert api.generic(method, path, headers=headers).status_code == status
    assert len(contexts("events_read")) == (4 if status == 200 else 0)
    assert [denied["path"] for denied in contexts("access_denied")] == (
        [] if status == 200 else ["/api/events/", f"/api/events/{event_id}/"]
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_nobody_in_particular_may_not_and_leaves_no_event(api, keep, method):
    for path in ("/api/events/", f"/api/events/{uuid4()}/"):
        response = api.generic(method, path)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert events("access_denied") == events("events_read") == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_an_event_can_be_written_or_changed_by_no_call(api, auditor, keep, method):
    for path in ("/api/events/", f"/api/events/{uuid4()}/"):
        assert api.generic(method, path, headers=auditor).status_code == 405


def test_the_permission_is_there_once_and_it_is_the_only_one():
    granted = Permission.objects.filter(content_type__app_label="event_log")
    assert [each.codename for each in granted] == ["view_event"]


@pytest.mark.usefixtures("throttled")
def test_a_person_reads_only_so_often_a_minute(api, ada, keep, settings):
    headers = staff(api, "view_event")
    settings.THROTTLE_RATES = {**settings.THROTTLE_RATES, "event_readings_per_person": "3/minute"}
    statuses = [api.get("/api/events/", headers=headers).status_code for _ in range(3)]
    statuses.append(api.head("/api/events/", headers=headers).status_code)
    statuses.append(api.get(f"/api/events/{uuid4()}/", headers=headers).status_code)
    assert statuses == [200, 200, 200, 429, 429]
    assert api.get("/api/events/", headers=logged_in(api)).status_code == 403
    assert len(contexts("events_read")) == 3
