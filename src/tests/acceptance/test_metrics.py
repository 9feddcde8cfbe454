"""What the real processes say of themselves to Prometheus and to health checks, in good times and in bad."""

import os
import subprocess
import sys
import time
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.acceptance.conftest import COMMANDS, SOURCE, eventually
from tests.acceptance.scrape import scrape
from tests.acceptance.test_journey import pending
from tests.plain_http import PLAIN
from tests.ports import free_port

LAG = "die_hard_outbox_oldest_pending_age_seconds"


def new_email() -> str:
    return f"grace.{uuid4().hex[:12]}@example.com"


def registered(application, count: int = 1) -> None:
    for _ in range(count):
        assert application.register(new_email()).status_code == 201


def delivered_all(application):
    def look():
        found = scrape(application)
        return found if found.total("die_hard_outbox_pending_events") == 0 else None

    return look


def checked(application, kind: str) -> int:
    file = f"{application.environment['HEARTBEAT_DIR']}/{kind}"
    return subprocess.run([sys.executable, "-m", "core.heartbeat", file], cwd=SOURCE, check=False).returncode


@pytest.fixture
def another_web(application):
    """A second web server on the same host: it shares the folder and the metrics' port."""
    port = free_port()
    command = [part.format(port=port, folder=application.folder) for part in COMMANDS["web"]]
    with (application.folder / "another_web.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=SOURCE, env=application.environment, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip

    def answers():
        try:
            return PLAIN.get(f"http://127.0.0.1:{port}/livez").status_code == 200
        except httpx.TransportError:
            return False

    eventually(answers)
    yield process, port
    process.kill()
    process.wait(timeout=30)


def test_metrics_are_for_those_who_show_the_token(application):
    own_port = f"http://127.0.0.1:{application.environment['METRICS_PORT']}/metrics"
    shown = {"Authorization": "Bearer for-scrapers-only", "Host": "web:8000"}
    for address in ("/metrics", own_port):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer für-alle".encode()}):
            answer = application.http.get(address, headers=headers)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert "die_hard" not in answer.text
        answer = application.http.get(address, headers=shown)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert application.http.get(own_port.replace("/metrics", "/")).status_code == 404
    assert application.http.post("/metrics", headers=shown).status_code == 405


def test_a_registration_moves_the_figures_of_every_process_on_its_way(application):
    before = eventually(delivered_all(application))
    registered(application)
    assert application.register("nonsense").status_code == 400
    assert application.http.get("/no/such/path").status_code == 404

    def arrived():
        found = scrape(application)
        name = "die_hard_outbox_events_delivered_total"
        return found if found.total(name) == before.total(name) + 1 else None

    after = eventually(arrived)

    def added(name, **labels):
        return after.total(name, **labels) - before.total(name, **labels)

    assert added("die_hard_outbox_events_recorded_total", event_type="user_registered") == 1
    for counted in ("events_sealed", "batches_sealed", "batches_delivered"):
        assert added(f"die_hard_outbox_{counted}_total") == 1, counted
    assert added("die_hard_outbox_batch_events_count") == added("die_hard_outbox_batch_events_sum") == 1
    assert added("die_hard_outbox_delivery_seconds_count", outcome="delivered") == 1
    assert added("die_hard_outbox_ticks_total") >= 1
    requests = {"method": "POST", "route": "api/users/"}
    assert added("die_hard_http_request_seconds_count", **requests, status="2xx") == 1
    assert added("die_hard_http_request_seconds_count", **requests, status="4xx") == 1
    assert added("die_hard_http_request_seconds_count", route="none", status="4xx") == 1
    assert added("die_hard_http_request_bytes_sum", **requests) > 100
    assert added("die_hard_http_response_bytes_sum", **requests) > 100
    assert added("die_hard_http_request_seconds_count", route="/metrics") >= 1
    assert after.total("die_hard_http_requests_in_flight") >= 1  # this scrape
    assert after.total("die_hard_outbox_facts_available") == 1
    assert after.total("die_hard_database_pool_limit") == 8
    assert eventually(delivered_all(application)).total(LAG) == 0


def test_figures_of_a_killed_process_stay_counted_and_its_present_state_is_forgotten(application, another_web):
    process, port = another_web
    answer = PLAIN.post(
        f"http://127.0.0.1:{port}/api/auth/login/", json={"email": "nobody@example.com", "password": "x"}
    )
    assert answer.status_code == 401
    logins = {"name": "die_hard_http_request_seconds_count", "route": "api/auth/login/"}
    eventually(lambda: scrape(application).total("die_hard_database_pool_limit") == 16)
    counted = scrape(application).total(**logins)
    assert counted == scrape(application, port=port).total(**logins)

    process.kill()
    process.wait(timeout=30)
    afterwards = scrape(application)
    assert afterwards.total(**logins) == counted
    assert afterwards.total("die_hard_database_pool_limit") == 8
    for _ in range(4):  # whoever of the others the kernel chooses
        own_port = scrape(application, port=int(application.environment["METRICS_PORT"]))
        assert own_port.total(**logins) == counted


def test_a_comparison_that_finds_a_difference_is_counted_by_kind(application, event_log):
    eventually(delivered_all(application))
    email = new_email()
    assert application.register(email).status_code == 201
    condition = {"email": email}
    found_it = "SELECT 1 FROM event_log WHERE JSONExtractString(event_context, 'email') = %(email)s"
    eventually(lambda: event_log.execute(found_it, condition))
    eventually(lambda: pending(application) == 0)  # and it is settled
    before = scrape(application)
    event_log.execute(
        "ALTER TABLE event_log UPDATE event_context = replaceAll(event_context, 'grace', 'GRACE')"
        " WHERE JSONExtractString(event_context, 'email') = %(email)s SETTINGS mutations_sync = 2",
        condition,
    )
    try:
        subprocess.run(
            [sys.executable, "-m", "celery", "-A", "core", "call", "outbox.reconcile"],
            cwd=SOURCE, env=application.environment, check=True, capture_output=True, timeout=60,
        )  # fmt: skip

        def compared():
            found = scrape(application)
            name = "die_hard_outbox_reconciliations_total"
            return found if found.total(name) > before.total(name) else None

        after = eventually(compared)
    finally:
        event_log.execute(
            "ALTER TABLE event_log UPDATE event_context = replaceAll(event_context, 'GRACE', 'grace')"
            " WHERE JSONExtractString(event_context, 'email') = %(email)s SETTINGS mutations_sync = 2",
            {"email": email.replace("grace", "GRACE")},
        )
    differences = "die_hard_outbox_differences_total"
    assert after.total(differences, kind="changed") == before.total(differences, kind="changed") + 1
    assert after.total(differences, kind="missing") == before.total(differences, kind="missing")
    assert time.time() - after.total("die_hard_outbox_reconciled_timestamp_seconds") < 60
    assert application.verify()["in_order"]


def test_a_task_that_fails_is_counted_under_its_name_and_the_others_begin_at_zero(application, environment):
    failed = "die_hard_celery_tasks_failed_total"
    before = scrape(application)
    tasks = {sample.labels["task"] for sample in before.samples if sample.name == failed}
    assert {"outbox.tick", "outbox.rotate", "outbox.reconcile", "users.deliver_letters", "guards.prune"} <= tasks
    assert not any(task.startswith("celery.") for task in tasks)

    def grown():
        found = scrape(application)
        return found if found.total(failed) > before.total(failed) else None

    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as database:
        database.execute("ALTER TABLE guards_kept_answer RENAME TO hidden_answers")
        try:
            subprocess.run(
                [sys.executable, "-m", "celery", "-A", "core", "call", "guards.prune"],
                cwd=SOURCE, env=application.environment, check=True, capture_output=True, timeout=60,
            )  # fmt: skip
            after = eventually(grown)
        finally:
            database.execute("ALTER TABLE hidden_answers RENAME TO guards_kept_answer")
    assert after.total(failed, task="guards.prune") == before.total(failed, task="guards.prune") + 1
    assert after.total(failed) == before.total(failed) + 1


def test_worker_and_beat_show_signs_of_life_until_they_fall_silent(application):
    eventually(lambda: checked(application, "worker") == 0)
    eventually(lambda: checked(application, "beat") == 0)
    beat = f"{application.environment['HEARTBEAT_DIR']}/beat"
    application.kill("beat")
    try:
        three_minutes_ago = time.time() - 180
        os.utime(beat, (three_minutes_ago, three_minutes_ago))
        assert checked(application, "beat") == 1
    finally:
        application.start("beat")
    eventually(lambda: checked(application, "beat") == 0)
