"""`core.wsgi` serves the same application where there is no ASGI server."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from core.settings.environment import SOURCE
from tests.acceptance.conftest import eventually, own_databases
from tests.acceptance.test_reading import AUDITOR, GRANT
from tests.ports import free_port
from tests.production.test_postgres import manage, outbox

pytestmark = pytest.mark.slow

SERVE = """
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server
from core.wsgi import application
class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True
make_server("127.0.0.1", int(sys.argv[1]), application, Threads).serve_forever()
"""


@pytest.fixture
def environment():
    with own_databases(redis_db=13) as own:
        assert manage(own, "install").returncode == 0
        yield own


@pytest.fixture
def http(environment, tmp_path):
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(port)],
            env={**environment, "PYTHONPATH": str(SOURCE)},
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

            def answers() -> bool:
                assert process.poll() is None, (tmp_path / "log").read_text()
                try:
                    return client.get("/livez").is_success
                except httpx.TransportError:
                    return False

            eventually(answers, within=60)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_an_account_is_made_and_proved_over_wsgi(http, environment):
    person = {"email": "ada@example.com", "password": "a long way down", "first_name": "Ada", "last_name": "Lovelace"}
    assert http.post("/api/users/", json=person).status_code == 201
    assert http.post("/api/users/", json=person).status_code == 409
    login = http.post("/api/auth/login/", json={"email": person["email"], "password": person["password"]})
    assert login.status_code == 200
    bearer = {"Authorization": f"Bearer {login.json()['token']}"}
    assert http.get("/api/users/me/", headers=bearer).json()["email"] == person["email"]
    assert http.get("/readyz").status_code == 200
    assert http.get("/admin/login/").status_code == 200
    outbox(environment, "deliver")
    proved = outbox(environment, "verify")
    assert (proved["in_order"], proved["pending_events"]) == (True, 0)
    assert proved["events"] >= 2


def test_events_are_read_over_wsgi_by_several_threads_at_once(http, environment):
    assert manage(environment, "shell", "-c", GRANT).returncode == 0
    token = http.post("/api/auth/login/", json=AUDITOR).json()["token"]
    outbox(environment, "deliver")
    headers = {"Authorization": f"Bearer {token}"}
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda _: http.get("/api/events/?event_type=user_logged_in", headers=headers), "x" * 40)
        )
    assert {answer.status_code for answer in answers} == {200}
    assert {len(answer.json()["results"]) for answer in answers} == {1}
