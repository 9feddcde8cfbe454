"""An installation of its own, whose processes report to doubles of an OTLP collector and of Sentry."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from clickhouse_driver import Client

from tests.acceptance.conftest import Application, client_past_the_gate, own_databases
from tests.acceptance.observability.collector import Collector, Sentry


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    double = Collector()
    yield double
    double.close()


@pytest.fixture(scope="package")
def sentry() -> Iterator[Sentry]:
    double = Sentry()
    yield double
    double.close()


@pytest.fixture(scope="package")
def observed_environment(collector: Collector, sentry: Sentry) -> Iterator[dict[str, str]]:
    with own_databases(redis_db=10) as environment:
        yield {
            **environment,
            "RELEASE": "v1.2.3-4-gabcdef0",
            "SENTRY_CONFIG_DSN": sentry.dsn,
            "SENTRY_CONFIG_TRACES_SAMPLE_RATE": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=acceptance",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "LOG_LEVELS": "core.access=DEBUG",
        }


@pytest.fixture(scope="package")
def observed(observed_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    running = Application(folder=tmp_path_factory.mktemp("observed"), environment=observed_environment)
    try:
        running.manage("install")
        running.start("web", "worker", "beat")
        yield running
    finally:
        running.close()


@pytest.fixture(scope="package")
def observed_event_log(observed: Application, observed_environment: dict[str, str]) -> Iterator[Client]:
    client = client_past_the_gate(observed_environment)
    yield client
    client.disconnect()


@pytest.fixture
def database(observed: Application) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(observed.environment["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def lines(application: Application, *processes: str) -> list[dict[str, Any]]:
    """What the processes have logged; fails with the first line that is not JSON."""
    return [json.loads(line) for name in processes for line in application.log(name).splitlines()]
