"""A web server that is told to stop answers what it has been asked, with one process and with several."""

import json
import signal
import socket
from contextlib import ExitStack
from uuid import uuid4

import psycopg
import pytest

from tests.acceptance.conftest import Application, own_databases
from tests.production.test_postgres import manage

pytestmark = pytest.mark.slow
REQUESTS = 24


@pytest.fixture(scope="module")
def environment():
    with own_databases(redis_db=12, HASHING_THREADS="1") as own:
        assert manage(own, "install").returncode == 0
        yield own


def registration(email: str) -> bytes:
    body = json.dumps({"email": email, "password": "a long way down", "first_name": "A", "last_name": "B"}).encode()
    head = (
        f"POST /api/users/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body


def answer(client: socket.socket) -> bytes:
    """Everything until the server hangs up."""
    received = b""
    while chunk := client.recv(65536):
        received += chunk
    return received


@pytest.mark.parametrize("processes", [1, 2])
def test_what_was_asked_before_sigterm_is_answered_and_recorded(environment, tmp_path, processes):
    application = Application(folder=tmp_path, environment={**environment, "WEB_CONCURRENCY": str(processes)})
    emails = [f"{uuid4().hex}@example.com" for _ in range(REQUESTS)]
    try:
        application.start("web")
        with ExitStack() as clients:
            asked = [
                clients.enter_context(socket.create_connection(("127.0.0.1", application.port), timeout=60))
                for _ in emails
            ]
            for client, email in zip(asked, emails, strict=True):
                client.sendall(registration(email))
            # Passwords are hashed one after the other: when the first is answered, all are taken in and most wait.
            asked[0].recv(1, socket.MSG_PEEK)
            process = application.processes.pop("web")
            process.send_signal(signal.SIGTERM)
            answers = [answer(client) for client in asked]
        process.wait(timeout=30)
    finally:
        application.close()
    assert [each.split(b"\r\n")[0] for each in answers] == [b"HTTP/1.1 201 Created"] * REQUESTS
    assert "Traceback" not in (tmp_path / "web.log").read_text()
    with psycopg.connect(environment["DATABASE_URL"]) as database:
        recorded = database.execute(
            "SELECT count(*) FROM outbox_event WHERE event_type = 'user_registered'"
            " AND lower(context::jsonb ->> 'email') = ANY (%s)", [emails],
        )  # fmt: skip
        assert recorded.fetchone() == (REQUESTS,)
