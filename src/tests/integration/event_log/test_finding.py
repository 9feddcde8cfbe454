"""What is asked of GET /api/events/ and /api/events/{event_id}/, and what they answer."""

from uuid import uuid4

import pytest

from tests.contracts.batches import MARCH_2026_US
from tests.integration.event_log.conftest import found
from tests.integration.users.conftest import contexts

pytestmark = pytest.mark.django_db(transaction=True)

DAY = "2026-03-10T00:00:"


def as_text(*event_ids) -> list[str]:
    return [str(event_id) for event_id in event_ids]


def test_an_event_is_shown_with_all_that_is_known_of_it(api, auditor, keep):
    (event_id,) = keep(
        context='{"user_id":7,"email":"Grüße 🎉@example.com","big":12345678901234567890,"nested":{"a":[1.5,null]}}',
        occurred_us=MARCH_2026_US + 42,
    )
    shown = {
        "event_id": str(event_id),
        "event_type": "user_registered",
        "event_date_time": f"{DAY}00.000042Z",
        "environment": "test",
        "actor_id": "0",
        "request_id": "request-0",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "metadata_version": 1,
        "event_context": {
            "user_id": 7,
            "email": "Grüße 🎉@example.com",
            "big": 12345678901234567890,
            "nested": {"a": [1.5, None]},
        },
    }
    assert api.get("/api/events/", headers=auditor).json() == {"results": [shown], "next": None}
    assert api.get(f"/api/events/{event_id}/", headers=auditor).json() == shown


@pytest.mark.parametrize(
    "context", ["", "no json", "[1]", "null", '{"a": NaN}', '{"a":' * 100_000], ids=lambda text: text[:8] or "empty"
)
def test_what_somebody_has_put_in_a_contexts_place_is_not_shown_and_hides_nothing_else(api, auditor, keep, context):
    (event_id,) = keep(context=context)
    assert api.get(f"/api/events/{event_id}/", headers=auditor).json()["event_context"] is None
    assert found(api, auditor) == as_text(event_id)


def test_pages_follow_one_another_until_all_has_been_seen(api, auditor, keep):
    recorded = keep(rows=10) + keep(rows=5, occurred_us=MARCH_2026_US)
    seen, address, pages = [], "/api/events/?limit=4&environment=test", 0
    while address:
        page = api.get(address, headers=auditor).json()
        seen += [each["event_id"] for each in page["results"]]
        keep(occurred_us=MARCH_2026_US + 10**9)  # what arrives meanwhile is in front of all this
        address, pages = page["next"], pages + 1
        assert address is None or address.startswith("/api/events/?limit=4&environment=test&after=")
    assert sorted(seen) == sorted(as_text(*recorded))
    assert pages == 4


def test_filters_leave_what_matches_all_of_them(api, auditor, keep):
    plain = keep(rows=2)
    (paid,) = keep(event_type="invoice_paid", actor_id="ada", request_id="r-1", trace_id="0" * 32, environment="x y&z")
    for query in (
        {"event_type": "invoice_paid"}, {"actor_id": "ada"}, {"request_id": "r-1"}, {"trace_id": "0" * 32},
        {"environment": "x y&z"}, {"event_type": ["invoice_paid", "nothing"], "actor_id": "ada"},
    ):  # fmt: skip
        assert found(api, auditor, query) == as_text(paid), query
    assert found(api, auditor, {"event_type": "user_registered", "actor_id": "ada"}) == []
    assert set(found(api, auditor, {"event_type": ["invoice_paid", "user_registered"]})) == {*as_text(paid, plain[0])}


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((f"{DAY}00Z", f"{DAY}00.001Z"), [0]),
        ((f"{DAY}00.001Z", f"{DAY}00.001001z"), [1]),
        (("2026-03-10t02:00:00.001+02:00", "2026-03-09T22:00:00.002-02:00"), [1]),
        ((f"{DAY}00.0000000001Z", f"{DAY}00.0020000001Z"), [2, 1]),  # no event is between two microseconds
        (("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), [2, 1, 0]),
    ],
)
def test_the_time_is_half_open_and_may_have_any_offset(api, auditor, keep, span, expected):
    recorded = keep(rows=3)  # a millisecond apart
    assert found(api, auditor, {"since": span[0], "until": span[1]}) == as_text(*(recorded[i] for i in expected))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("actor_id=", "actor_id"), ("actor_id=a%00b", "actor_id"), ("actor_id=" + "x" * 201, "actor_id"),
        ("actor_id=1&actor_id=2", "actor_id"), ("request_id=%00", "request_id"), ("environment=", "environment"),
        ("trace_id=abc", "trace_id"), ("trace_id=" + "F" * 32, "trace_id"), (f"trace_id={'0' * 32}%0A", "trace_id"),
        ("event_type=", "event_type.0"), ("event_type=a&event_type=B-2", "event_type.1"),
        ("event_type=a%0A", "event_type.0"), ("event_type=%27%20OR%201", "event_type.0"),
        ("&".join(f"event_type=t{n}" for n in range(21)), "event_type"),
        ("since=yesterday", "since"), ("since=2026-03-10", "since"), ("since=2026-03-10T00:00:00", "since"),
        ("since=2026-03-10T00:00:00+02:00", "since"), ("since=2026-02-30T00:00:00Z", "since"), ("since=%00", "since"),
        ("since=0001-01-01T00:00:00%2B23:59", "since"), ("until=2026-03-10T00:00:60Z", "until"),
        ("since=2026-03-10T00:00:00Z&until=2026-03-10T00:00:00Z", "until"),
        ("since=2026-03-10T00:00:01Z&until=2026-03-10T00:00:00Z", "until"),
        ("after=abc", "after"), ("after=" + "A" * 33, "after"), ("after=" + "_" * 31 + "%21", "after"),
        ("after=f" + "_" * 31, "after"), ("after=%F0%9F%8E%89", "after"),
        ("actor=1", "actor"), ("event_id=1", "event_id"), ("search=x", "search"), ("Limit=1", "Limit"), ("%00=1", "\0"),
        ("format=json", "format"),
    ],
)  # fmt: skip
def test_a_query_that_is_none_is_bad_input_and_nothing_of_it_is_passed_over(api, auditor, keep, query, field):
    response = api.get(f"/api/events/?{query}", headers=auditor)
    assert response.status_code == 400
    assert [each["field"] for each in response.json()["errors"]] == [field]
    assert contexts("events_read") == []


@pytest.mark.parametrize("text", ["' OR 1=1 --", "\\", "\\'", "🎉", "%s ${table} {x:String}", '"`;', "a b", "é"])
def test_whatever_is_looked_for_is_found_as_it_is(api, auditor, keep, text):
    keep(rows=2)
    (odd,) = keep(actor_id=text, request_id=text, environment=text)
    for name in ("actor_id", "request_id", "environment"):
        assert found(api, auditor, {name: text}) == as_text(odd)


def test_an_event_that_is_not_there_is_not_found(api, auditor, keep):
    response = api.get(f"/api/events/{uuid4()}/", headers=auditor)
    assert (response.status_code, response.json()["type"]) == (404, "urn:problem:event-unknown")
    for malformed in ("1", "not-a-uuid", "00000000-0000-0000-0000-00000000000%00"):
        assert api.get(f"/api/events/{malformed}/", headers=auditor).status_code == 404


def test_looking_costs_few_queries(api, auditor, keep, django_assert_max_num_queries):
    keep(rows=100)
    with django_assert_max_num_queries(8):  # the token, two of permissions, BEGIN, the event, COMMIT
        assert len(found(api, auditor)) == 50
