"""What the real processes print: JSON, line by line, whatever happens, and no secret."""

import os
import re
import signal
import socket
from pathlib import Path
from uuid import uuid4

from tests.acceptance.conftest import eventually
from tests.acceptance.observability.conftest import lines

CANARY = "canary-7c1f-long-enough"
# No port, process or timestamp has it in it by chance.
OBJECT = "object-no-number"


def access_lines(application, request_id: str):
    return [line for line in lines(application, "web")
            if line.get("request_id") == request_id and line["event"] == "request_finished"]  # fmt: skip


def access_line(application, request_id: str):
    (line,) = eventually(lambda: access_lines(application, request_id))
    return line


def test_every_line_of_every_process_is_json_from_its_start_to_its_stop(observed, database):
    observed.register(f"ada.{uuid4().hex}@example.com")
    eventually(lambda: [line for line in lines(observed, "worker") if line["event"] == "batch_delivered"])
    worker = observed.processes["worker"].pid
    child = int(Path(f"/proc/{worker}/task/{worker}/children").read_text().split()[0])
    os.kill(child, signal.SIGKILL)
    eventually(lambda: [line for line in lines(observed, "worker") if line["logger"] == "multiprocessing"])
    for name in ("web", "worker", "beat"):
        process = observed.processes[name]
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        observed.start(name)
    found = lines(observed, "web", "worker", "beat")
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in found)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"]) for line in found)
    assert any(line["logger"] == "uvicorn.error" for line in found)
    assert any(line["logger"] == "celery.apps.worker" for line in found)


def test_a_request_has_one_access_line(observed):
    body = b'{"email": "x@example.com", "password": "no"}'
    answer = observed.http.post(
        "/api/users/", content=body, headers={"X-Request-ID": "a-1", "Content-Type": "application/json"}
    )
    line = access_line(observed, "a-1")
    assert line["method"] == "POST"
    assert line["route"] == "api/users/"
    assert line["status"] == answer.status_code == 400
    assert (line["request_bytes"], line["response_bytes"]) == (len(body), len(answer.content))
    assert line["duration_ms"] > 0
    assert "disconnected" not in line
    assert not any(line["logger"] == "uvicorn.access" for line in lines(observed, "web"))


def test_an_access_line_says_who_it_was(observed):
    email = f"ada.{uuid4().hex[:12]}@example.com"
    user = observed.register(email).json()
    login = observed.http.post("/api/auth/login/", json={"email": email, "password": "a long way down"}).json()
    observed.http.get("/api/users/me/", headers={"Authorization": f"Bearer {login['token']}", "X-Request-ID": "a-2"})
    assert access_line(observed, "a-2")["actor_id"] == str(user["id"])


def test_paths_with_values_in_them_are_logged_without_the_values(observed):
    observed.http.get(f"/admin/users/user/{OBJECT}/change/", headers={"X-Request-ID": "a-3"})
    observed.http.get(f"/nowhere/{OBJECT}/", headers={"X-Request-ID": "a-4"})
    assert access_line(observed, "a-3")["route"] == "admin/users/user/<path:object_id>/change/"
    assert access_line(observed, "a-4")["route"] == "none"
    assert OBJECT not in observed.log("web")


def test_what_is_refused_at_the_door_and_what_probes_ask_for_is_logged_too(observed):
    observed.http.post("/api/users/", content=b"x" * (2**20 + 1), headers={"X-Request-ID": "a-5"})
    observed.http.get("/livez", headers={"X-Request-ID": "a-6"})
    assert access_line(observed, "a-5")["status"] == 413
    assert (access_line(observed, "a-6")["route"], access_line(observed, "a-6")["level"]) == ("/livez", "debug")


def test_a_client_that_vanishes_is_noted(observed):
    head = (
        "POST /api/users/ HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: a-7\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", observed.port)) as client:
        client.sendall(head.encode())
    line = access_line(observed, "a-7")
    assert line["disconnected"] is True
    assert (line["status"], line["request_bytes"]) == (None, 1)


def test_no_secret_is_in_any_log(observed, database):
    """Canaries in every place where a client or an operator has secrets, and faults that quote what they were about."""
    email = f"ada.{uuid4().hex[:12]}@example.com"
    secret = {"email": email, "password": CANARY}
    headers = {"Authorization": f"Bearer {CANARY}", "Cookie": f"sessionid={CANARY}", "X-Request-ID": "a-8"}
    assert observed.http.post("/api/users/", json=secret, headers=headers).status_code == 201
    observed.http.get(f"/api/users/me/?token={CANARY}", headers=headers)
    database.execute("ALTER TABLE users_user ADD CONSTRAINT no_more CHECK (email <> 'b@example.com')")
    try:
        fault = observed.http.post("/api/users/", json={**secret, "email": "b@example.com"}, headers=headers)
    finally:
        database.execute("ALTER TABLE users_user DROP CONSTRAINT no_more")
    assert fault.status_code == 500
    logged = "".join(observed.log(name) for name in ("web", "worker", "beat"))
    assert "no_more" in logged
    assert CANARY not in logged
    assert not re.search(r"argon2\$argon2id", logged)
    assert "public-key" not in logged
