"""ClickHouse stops and comes back: what the metrics, the probe and the alert say of it, over the real processes."""

import time
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from tests.acceptance.conftest import eventually
from tests.acceptance.scrape import Scrape, fires, is_true, scrape
from tests.acceptance.test_metrics import LAG, delivered_all, registered
from tests.promtool import needs_promtool


@dataclass(frozen=True, kw_only=True)
class Outage:
    """What was seen before, at the beginning, some seconds later, after two minutes, and in the end."""

    quiet: Scrape
    early: Scrape
    late: Scrape
    ready: httpx.Response
    severe: Scrape
    healed: Scrape


@pytest.fixture(scope="module")
def outage(application, environment) -> Outage:
    quiet = eventually(delivered_all(application))
    application.clickhouse.close()
    try:
        registered(application, 3)
        early = eventually(lagging(application, seconds=1))
        time.sleep(4)
        late = eventually(in_doubt(application))
        eventually(lambda: store_is(application, "unavailable"), within=30)
        ready = application.http.get("/readyz")
        # Two minutes go by.
        with psycopg.connect(environment["DATABASE_URL"]) as database:
            database.execute(
                "UPDATE outbox_event SET occurred_at = occurred_at - interval '2 minutes'"
                " FROM outbox_batch WHERE state = 'sealed' AND id <@ ids"
            )
        severe = eventually(lagging(application, seconds=120))
    finally:
        application.clickhouse.open()
    healed = eventually(delivered_all(application), within=60)
    return Outage(quiet=quiet, early=early, late=late, ready=ready, severe=severe, healed=healed)


def lagging(application, *, seconds: float):
    def look():
        found = scrape(application)
        return found if found.total(LAG) > seconds else None

    return look


def in_doubt(application):
    """No batch is while it is being attempted."""

    def look():
        found = scrape(application)
        return found if found.total("die_hard_outbox_batches_in_doubt") >= 1 else None

    return look


def store_is(application, status: str) -> bool:
    return application.http.get("/readyz").json()["checks"]["event_store"]["status"] == status


def test_the_lag_rises_while_clickhouse_is_stopped_and_is_0_when_it_is_back(outage):
    assert outage.late.total(LAG) >= outage.early.total(LAG) + 3
    assert outage.late.total("die_hard_outbox_pending_events") == 3
    assert outage.late.total("die_hard_outbox_pending_bytes") > 100
    assert outage.late.total("die_hard_outbox_breaker_open") == 1
    assert outage.late.total("die_hard_outbox_store_errors_total", kind="unavailable") >= 1
    assert outage.healed.total(LAG) == outage.quiet.total(LAG) == 0


def test_readiness_stays_green_and_shows_the_store_and_the_lag(application, outage):
    assert outage.ready.status_code == 200
    assert outage.ready.json()["checks"]["event_store"]["status"] == "unavailable"
    assert outage.ready.json()["checks"]["outbox"]["lag_seconds"] >= 3
    eventually(lambda: store_is(application, "ok"), within=30)


def test_the_alerts_condition_holds_during_the_outage_only(outage):
    seen = (outage.quiet, outage.severe, outage.healed)
    assert [is_true("OutboxLagging", each) for each in seen] == [False, True, False]


@needs_promtool
def test_prometheus_lets_the_alert_fire_during_the_outage_only(outage, tmp_path):
    seen = (outage.quiet, outage.severe, outage.healed)
    assert [fires("OutboxLagging", each, folder=tmp_path) for each in seen] == [False, True, False]
