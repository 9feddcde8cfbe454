"""Alive, and able to serve: what is asked for and what is only shown, and that nothing holds the answer up."""

import asyncio
import gc
import threading
import time
from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from core import figures, readiness
from core.observability import metrics
from core.observability.metrics import exposition
from outbox import event_store
from tests.acceptance.gate import Gate

pytestmark = pytest.mark.django_db(transaction=True)

CLICKHOUSE = settings.EVENT_STORE
SHOWN = ("broker", "event_store", "outbox")


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch):
    monkeypatch.setattr(readiness, "_migrated", False)
    monkeypatch.setattr(readiness, "_sound_until", 0.0)
    monkeypatch.setattr(figures, "_known", None)


@pytest.fixture(autouse=True)
def _nothing_is_pending(transactional_db):
    """The outbox's tables are not managed, so Django empties them after no test."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE outbox_event, outbox_batch, outbox_quarantine")


@pytest.fixture(autouse=True)
def _store_in_memory(settings):
    settings.EVENT_STORE = {"BACKEND": "events.stores.memory.MemoryEventStore", "OPTIONS": {}}
    event_store._store.cache_clear()
    yield
    event_store._store.cache_clear()


@pytest.fixture
def clickhouse_at(settings):
    """Have the event store be ClickHouse again, with these of its options."""

    def elsewhere(**options):
        settings.EVENT_STORE = {**CLICKHOUSE, "OPTIONS": {**CLICKHOUSE["OPTIONS"], **options}}
        event_store._store.cache_clear()

    return elsewhere


@pytest.fixture
def answers(monkeypatch):
    """Have a check ask something else."""

    def instead(name, ask):
        checks = tuple(replace(check, ask=ask) if check.name == name else check for check in readiness.CHECKS)
        monkeypatch.setattr(readiness, "CHECKS", checks)

    return instead


def assert_not_ready(response, **statuses):
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert statuses.items() <= statuses_of(response).items()


def statuses_of(response):
    return {name: check["status"] for name, check in response.json()["checks"].items()}


def test_a_process_that_answers_is_alive(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_is_answered_by_address_whatever_the_names_of_the_site(client, settings, path):
    settings.ALLOWED_HOSTS = ["www.example.com"]
    assert client.get(path, headers={"Host": "127.0.0.1:8000"}).status_code == 200
    assert client.get("/admin/login/", headers={"Host": "127.0.0.1:8000"}).status_code == 400


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_a_probe_is_answered_by_address_in_asgi_too(async_client, settings, path):
    settings.ALLOWED_HOSTS = ["www.example.com"]
    response = await async_client.get(path, headers={"Host": "127.0.0.1:8000"})
    assert response.status_code == 200


def test_a_probe_with_another_method_is_told_so(client):
    assert client.post("/livez").status_code == 405


def test_it_is_ready_with_a_migrated_database_and_says_how_long_each_answer_took(client):
    response = client.get("/readyz")
    assert response.status_code == 200
    document = response.json()
    assert document["status"] == "ok"
    assert {name: check["status"] for name, check in document["checks"].items()} == dict.fromkeys(
        ["database", "migrations", *SHOWN], "ok"
    )
    assert all(0 <= check["ms"] < 60_000 for check in document["checks"].values())
    assert [name for name, check in document["checks"].items() if check["needed"]] == ["database", "migrations"]
    assert (document["checks"]["outbox"]["lag_seconds"], document["checks"]["outbox"]["pending_events"]) == (0, 0)


def test_migrations_are_asked_for_until_they_are_applied(client, monkeypatch):
    client.get("/readyz")
    assert readiness._migrated
    monkeypatch.setattr(readiness, "MigrationExecutor", None)
    assert statuses_of(client.get("/readyz"))["migrations"] == "ok"


def test_it_is_not_ready_with_a_migration_missing(client):
    recorder = MigrationRecorder(connection)
    newest = max(name for app, name in recorder.applied_migrations() if app == "users")
    recorder.record_unapplied("users", newest)
    try:
        assert_not_ready(client.get("/readyz"), database="ok", migrations="not applied")
    finally:
        recorder.record_applied("users", newest)
    assert client.get("/readyz").status_code == 200


def test_it_is_not_ready_without_a_database_and_keeps_the_reason_for_the_log(client, answers, caplog):
    def fail():
        raise DatabaseError("gone, at 10.1.2.3")

    answers("database", fail)
    response = client.get("/readyz")
    assert_not_ready(response, database="unavailable")
    assert "gone" not in response.content.decode()
    assert "gone, at 10.1.2.3" in caplog.text


@pytest.mark.parametrize("within", ["asgi", "wsgi"])
async def test_what_a_probe_has_found_is_logged_under_its_requests_id(client, async_client, answers, within):
    def fail():
        raise DatabaseError

    answers("outbox", fail)
    with capture_logs([merge_contextvars]) as lines:
        response = await async_client.get("/readyz") if within == "asgi" else await sync_to_async(client.get)("/readyz")
    assert [(line["event"], line["request_id"]) for line in lines if line["event"] == "check_failed"] == [
        ("check_failed", response.headers["X-Request-ID"])
    ]


async def test_a_scrape_without_facts_is_logged_under_its_requests_id(async_client, settings, monkeypatch):
    def unavailable():
        raise figures.FiguresUnavailable(reason="away")

    def scrape(*, accept):
        list(exposition.Facts().collect())
        return b"", accept

    monkeypatch.setattr(metrics, "_on", True)
    monkeypatch.setattr(figures, "current", unavailable)
    monkeypatch.setattr(exposition, "exposition", scrape)
    settings.METRICS_TOKEN = "for-scrapers-only"
    with capture_logs([merge_contextvars]) as lines:
        response = await async_client.get("/metrics", headers={"Authorization": "Bearer for-scrapers-only"})
    assert response.status_code == 200
    assert [(line["event"], line["request_id"]) for line in lines] == [
        ("figures_unavailable", response.headers["X-Request-ID"])
    ]


def test_it_is_ready_without_a_broker_because_recording_needs_none(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = client.get("/readyz")
    assert (response.status_code, statuses_of(response)["broker"]) == (200, "unavailable")


def test_it_is_ready_without_the_event_store_because_events_wait_in_the_outbox(client, clickhouse_at):
    closed = Gate(host="127.0.0.1", port=1)
    closed.close()
    clickhouse_at(host="127.0.0.1", port=closed.port)
    response = client.get("/readyz")
    assert (response.status_code, statuses_of(response)["event_store"]) == (200, "unavailable")


def test_tables_that_are_not_as_they_must_be_are_shown(client, clickhouse_at):
    clickhouse_at(database="not_migrated")
    response = client.get("/readyz")
    assert (response.status_code, statuses_of(response)["event_store"]) == (200, "misconfigured")


@pytest.mark.parametrize("name", SHOWN)
def test_whatever_hangs_the_answer_comes_in_time_and_nothing_piles_up(client, answers, name):
    let_go, asked = threading.Event(), []

    def hang():
        asked.append(name)
        let_go.wait(timeout=30)
        return {}

    answers(name, hang)
    try:
        started = time.monotonic()
        first, second = client.get("/readyz"), client.get("/readyz")
        assert time.monotonic() - started < 15  # two patiences of a second, on a busy machine
    finally:
        let_go.set()
    for response in (first, second):
        assert (response.status_code, statuses_of(response)[name]) == (200, "no answer in time")
    assert asked == [name]


async def test_a_check_that_fails_when_nobody_waits_any_more_is_no_error(async_client, answers):
    let_go, heard = threading.Event(), []

    def fail_late():
        let_go.wait(timeout=30)
        raise DatabaseError

    answers("outbox", fail_late)
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: heard.append(told["message"]))
    response = await async_client.get("/readyz")
    let_go.set()
    with pytest.raises(DatabaseError):
        await asyncio.wrap_future(readiness._running.pop("outbox"))
    await asyncio.sleep(0.1)
    gc.collect()
    assert statuses_of(response)["outbox"] == "no answer in time"
    assert heard == []


def test_a_database_that_hangs_makes_it_unready_in_time(client, answers):
    let_go = threading.Event()

    def hang():
        let_go.wait(timeout=30)
        return {}

    answers("database", hang)
    try:
        assert_not_ready(client.get("/readyz"), database="no answer in time")
    finally:
        let_go.set()
