"""Alive, and able to serve: what is asked for and what is only shown."""

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

from core import health

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)


def assert_not_ready(response, **checks):
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert checks.items() <= response.json()["checks"].items()


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


def test_it_is_ready_with_a_migrated_database(client):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok", "broker": "ok"}}


def test_migrations_are_asked_for_until_they_are_applied(client, django_assert_num_queries):
    client.get("/readyz")
    with django_assert_num_queries(1):
        client.get("/readyz")


def test_it_is_not_ready_with_a_migration_missing(client):
    recorder = MigrationRecorder(connection)
    newest = max(name for app, name in recorder.applied_migrations() if app == "users")
    recorder.record_unapplied("users", newest)
    try:
        assert_not_ready(client.get("/readyz"), database="ok", migrations="not applied")
    finally:
        recorder.record_applied("users", newest)
    assert client.get("/readyz").status_code == 200


def test_it_is_not_ready_without_a_database(client, monkeypatch):
    def fail() -> bool:
        raise DatabaseError("gone")

    monkeypatch.setattr(health, "_ask_database", fail)
    monkeypatch.setattr(health, "_ask_migrations", fail)
    response = client.get("/readyz")
    assert_not_ready(response, database="unavailable", migrations="unavailable")
    assert "gone" not in response.content.decode()


def test_it_is_ready_without_a_broker_because_recording_needs_none(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = client.get("/readyz")
    assert (response.status_code, response.json()["checks"]["broker"]) == (200, "unavailable")
