"""PostgreSQL, the broker and ClickHouse are spoken to over TLS if they are to be; certificates are checked."""

import os
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from core.settings.environment import SOURCE
from tests.production.tls import front, make_certificate

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes certificates, is missing")

ASK_POSTGRESQL = """
import django
django.setup()
from django.db import connection
if hasattr(connection, "pool") and connection.pool:
    connection.pool.open()
with connection.cursor() as cursor:
    cursor.execute("SELECT 1")
print("answered", connection.connection.pgconn.ssl_in_use)
connection.close_pool()
"""
BROKERS_CLIENTS = {
    "Celery": """
from core.celery import app
with app.connection_for_write() as connection:
    connection.default_channel.client.ping()
""",
    "readiness": """
from core import readiness
readiness._ask_broker()
""",
    "throttles": """
from guards.counters import counters
counters()._shared.storage.get("x")
""",
}
ASK_BROKER = "import django\ndjango.setup()\n%s\nprint('answered')"
ASK_CLICKHOUSE = """
import django
django.setup()
from outbox.event_store import event_store, wait_for
print("answered", wait_for(event_store().plan()))
"""


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=SOURCE, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "core.settings", "LOG_LEVEL": "CRITICAL", **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificates"), name="localhost")


@pytest.fixture(scope="module")
def others_certificate(tmp_path_factory):
    """Trusted, but for another name."""
    return make_certificate(tmp_path_factory.mktemp("certificates"), name="elsewhere.example")


def over_tls(name: str, certificate, **options):
    server = urlsplit(os.environ[name])
    return front(host=server.hostname, port=server.port, certificate=certificate, **options)


def url(name: str, port: int, *, scheme: str, query: str) -> str:
    server = urlsplit(os.environ[name])
    user, _, _ = server.netloc.rpartition("@")
    return server._replace(
        scheme=scheme, netloc=f"{user}@localhost:{port}" if user else f"localhost:{port}", query=query
    ).geturl()


@pytest.mark.parametrize("pool", ["0", "2"])
def test_postgresql_over_tls(certificate, pool):
    with over_tls("DATABASE_URL", certificate, postgres=True) as port:
        address = url("DATABASE_URL", port, scheme="postgres", query=f"sslmode=verify-full&sslrootcert={certificate}")
        asked = run(ASK_POSTGRESQL, DATABASE_URL=address, DATABASE_POOL_SIZE=pool)
    assert asked.stdout == "answered True\n", asked.stderr


def test_postgresql_with_a_certificate_for_another_name(others_certificate):
    with over_tls("DATABASE_URL", others_certificate, postgres=True) as port:
        query = f"sslmode=verify-full&sslrootcert={others_certificate}"
        asked = run(ASK_POSTGRESQL, DATABASE_URL=url("DATABASE_URL", port, scheme="postgres", query=query))
    assert asked.returncode != 0
    assert 'server certificate for "elsewhere.example" does not match host name "localhost"' in asked.stderr


def test_postgresql_that_speaks_no_tls():
    server = urlsplit(os.environ["DATABASE_URL"])
    asked = run(ASK_POSTGRESQL, DATABASE_URL=server._replace(query="sslmode=require").geturl())
    assert asked.returncode != 0
    assert "server does not support SSL, but SSL was required" in asked.stderr


@pytest.mark.parametrize("client", BROKERS_CLIENTS)
def test_the_broker_over_tls(certificate, client):
    with over_tls("REDIS_URL", certificate) as port:
        asked = run(
            ASK_BROKER % BROKERS_CLIENTS[client], SSL_CERT_FILE=str(certificate),
            REDIS_URL=url("REDIS_URL", port, scheme="rediss", query=""),
        )  # fmt: skip
    assert asked.stdout == "answered\n", asked.stderr


@pytest.mark.parametrize("trusted", [None, "others"])
@pytest.mark.parametrize("client", BROKERS_CLIENTS)
def test_a_broker_that_cannot_show_who_it_is(certificate, others_certificate, client, trusted):
    shown = others_certificate if trusted else certificate
    with over_tls("REDIS_URL", shown) as port:
        asked = run(
            ASK_BROKER % BROKERS_CLIENTS[client], REDIS_URL=url("REDIS_URL", port, scheme="rediss", query=""),
            **({"SSL_CERT_FILE": str(others_certificate)} if trusted else {}),
        )  # fmt: skip
    assert asked.returncode != 0
    assert "certificate verify failed" in asked.stderr.lower()


def clickhouse(certificate):
    return front(
        host=os.environ["CLICKHOUSE_HOST"], port=int(os.environ.get("CLICKHOUSE_PORT", "9000")), certificate=certificate
    )


def test_clickhouse_over_tls(certificate):
    with clickhouse(certificate) as port:
        asked = run(
            ASK_CLICKHOUSE, CLICKHOUSE_HOST="localhost", CLICKHOUSE_PORT=str(port), CLICKHOUSE_SECURE="true",
            SSL_CERT_FILE=str(certificate),
        )  # fmt: skip
    assert asked.stdout.startswith("answered"), asked.stderr


@pytest.mark.parametrize("trusted", [None, "others"])
def test_a_clickhouse_that_cannot_show_who_it_is(certificate, others_certificate, trusted):
    shown = others_certificate if trusted else certificate
    with clickhouse(shown) as port:
        asked = run(
            ASK_CLICKHOUSE, CLICKHOUSE_HOST="localhost", CLICKHOUSE_PORT=str(port), CLICKHOUSE_SECURE="true",
            **({"SSL_CERT_FILE": str(others_certificate)} if trusted else {}),
        )  # fmt: skip
    assert asked.returncode != 0
    assert "StoreUnavailable" in asked.stderr
    assert "certificate verify failed" in asked.stderr.lower()
