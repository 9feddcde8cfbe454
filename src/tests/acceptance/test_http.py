"""The API from outside: accounts, every kind of error, clients that vanish, many at once."""

import json
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from tests.acceptance.conftest import eventually

PASSWORD = "a long way down"


@pytest.fixture
def http(application):
    return application.http


@pytest.fixture
def database(environment):
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def new_email() -> str:
    return f"Ada.{uuid4().hex[:12]}@example.com"


def count(database, sql: str, *parameters) -> int:
    return database.execute(sql, parameters).fetchone()[0]


def accounts(database, email: str) -> int:
    return count(database, "SELECT count(*) FROM users_user WHERE lower(email) = lower(%s)", email)


def registrations(database, email: str) -> int:
    """How many `user_registered` events of this address are recorded."""
    return count(
        database,
        "SELECT count(*) FROM outbox_event WHERE event_type = 'user_registered'"
        " AND lower(context::jsonb ->> 'email') = lower(%s)",
        email,
    )


def assert_problem(response: httpx.Response, status: int) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
    assert (problem["status"], problem["instance"]) == (status, response.request.url.path)
    return problem


def test_a_person_registers_logs_in_and_sees_themselves(application, http):
    email = new_email()
    registered = application.register(email)
    assert registered.status_code == 201
    login = http.post("/api/auth/login/", json={"email": email.swapcase(), "password": PASSWORD})
    assert login.status_code == 200
    me = http.get(registered.headers["Location"], headers={"Authorization": f"Bearer {login.json()['token']}"})
    assert me.json() == registered.json() == login.json()["user"]
    assert me.json()["email"] == email


def test_every_answer_has_its_requests_id(http):
    assert http.get("/livez", headers={"X-Request-ID": "mine-1"}).headers["X-Request-ID"] == "mine-1"
    assert UUID(http.get("/livez", headers={"X-Request-ID": "not mine"}).headers["X-Request-ID"])
    assert assert_problem(http.get("/nowhere", headers={"X-Request-ID": "mine-2"}), 404)["request_id"] == "mine-2"


JSON = {"Content-Type": "application/json"}
ZIP = {"Content-Type": "application/json; charset=zip"}


@pytest.mark.parametrize(
    ("method", "path", "request_", "status"),
    [
        ("POST", "/api/users/", {"content": b"{bad", "headers": JSON}, 400),
        ("POST", "/api/users/", {"content": b"\xff\xfe{}", "headers": JSON}, 400),
        ("POST", "/api/users/", {"content": b"[" * 100_000, "headers": JSON}, 400),
        ("POST", "/api/users/", {"content": b'{"email": NaN}', "headers": JSON}, 400),
        ("POST", "/api/users/", {"content": b"", "headers": JSON}, 400),
        ("POST", "/api/users/", {"content": b"[]", "headers": JSON}, 400),
        ("POST", "/api/users/", {"content": b"null", "headers": JSON}, 400),
        ("POST", "/api/users/", {"content": b'"text"', "headers": JSON}, 400),
        ("POST", "/api/users/", {"content": b"x\x9c{}", "headers": ZIP}, 400),
        ("POST", "/api/auth/login/", {"content": b"7", "headers": JSON}, 400),
        ("GET", "/api/users/me/", {"headers": {"Host": "elsewhere.example"}}, 400),
        ("GET", "/api/users/me/", {}, 401),
        ("GET", "/api/users/me/", {"headers": {"Authorization": "Bearer wrong"}}, 401),
        ("POST", "/api/auth/login/", {"json": {"email": "nobody@example.com", "password": "x"}}, 401),
        ("GET", "/nowhere", {}, 404),
        ("GET", "/api/nowhere/", {}, 404),
        ("GET", "/api/%00/%ff/", {}, 404),
        ("POST", "/api/users", {"json": {}}, 404),
        ("GET", "/api/users/", {}, 401),
        ("PUT", "/api/users/", {"json": {}}, 405),
        ("DELETE", "/api/auth/login/", {}, 405),
        ("DELETE", "/readyz", {}, 405),
        ("POST", "/api/users/", {"json": {}, "headers": {"Accept": "text/html"}}, 406),
        ("POST", "/api/users/", {"content": b"x" * (2**20 + 1), "headers": JSON}, 413),
        ("POST", "/api/users/", {"content": (b"x" * 2**16 for _ in range(40)), "headers": JSON}, 413),
        ("POST", "/api/users/", {"data": {"email": "ada@example.com"}}, 415),
        ("POST", "/api/users/", {"files": {"email": b"x"}}, 415),
        ("POST", "/api/users/", {"content": b"{}"}, 415),
        ("POST", "/api/users/", {"content": b"{}", "headers": {"Content-Type": b"\xe9/;;;="}}, 415),
    ],
)  # fmt: skip
def test_an_error_is_a_problem(http, method, path, request_, status):
    response = http.request(method, path, **request_)
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
    assert problem["status"] == status
    assert (status == 405) <= ("Allow" in response.headers)
    assert (status == 401) <= (response.headers.get("WWW-Authenticate") == "Bearer")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", 5), ("email", "x\0@example.com"), ("email", "\ud800@example.com"), ("email", "x" * 300 + "@a.com"),
        ("password", 123456789012), ("password", "x" * 129), ("password", "\ud800" * 20), ("password", "password"),
        ("first_name", {"a": []}), ("first_name", "\0"), ("last_name", "x" * 151), ("last_name", "\udfff"),
    ],
)  # fmt: skip
def test_bad_input_is_a_problem_that_names_the_field(http, field, value):
    good = {"email": new_email(), "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"}
    response = http.post("/api/users/", content=json.dumps({**good, field: value}), headers=JSON)
    problem = assert_problem(response, 400)
    assert problem["type"] == "urn:problem:invalid-input"
    assert {error["field"] for error in problem["errors"]} == {field}
    assert all(error["code"] and error["detail"] for error in problem["errors"])


def test_a_fault_of_ours_is_a_problem_that_tells_nothing_but_the_request(application, http, database):
    email = new_email()
    user_id = application.register(email).json()["id"]
    database.execute("ALTER TABLE knox_authtoken RENAME TO hidden")
    try:
        response = http.post(
            "/api/auth/login/", json={"email": email, "password": PASSWORD}, headers={"X-Request-ID": "fault-1"}
        )
    finally:
        database.execute("ALTER TABLE hidden RENAME TO knox_authtoken")
    assert assert_problem(response, 500)["request_id"] == "fault-1"
    assert "knox" not in response.text
    logins = "SELECT count(*) FROM outbox_event WHERE event_type = 'user_logged_in' AND actor_id = %s"
    assert count(database, logins, str(user_id)) == 0
    logged = [line for line in application.log("web").splitlines() if "fault-1" in line]
    assert any("knox_authtoken" in line for line in logged)
    assert not any(PASSWORD in line for line in logged)


def test_of_twenty_at_once_one_gets_the_address(application, database):
    email = new_email()
    spellings = [email, email.upper(), email.lower(), email.swapcase()] * 5
    with ThreadPoolExecutor(20) as clients:
        answers = Counter(response.status_code for response in clients.map(application.register, spellings))
    assert answers == {201: 1, 409: 19}
    assert accounts(database, email) == 1
    assert registrations(database, email) == 1


def test_others_are_answered_while_many_register(application, http):
    """Hashing passwords fills every core, and is done elsewhere than where requests are taken."""
    waits, done = [], threading.Event()

    def look_in() -> None:
        while not done.is_set():
            started = time.monotonic()
            assert http.get("/livez").status_code == 200
            waits.append(time.monotonic() - started)

    with ThreadPoolExecutor(41) as clients:
        watch = clients.submit(look_in)
        answers = Counter(
            each.status_code for each in clients.map(application.register, [new_email() for _ in range(40)])
        )
        done.set()
        watch.result()
    assert answers == {201: 40}
    assert max(waits) < 2


def test_a_client_that_vanishes_leaves_both_or_neither(application, database):
    emails, logged = [new_email() for _ in range(10)], len(application.log("web"))
    for number, email in enumerate(emails):
        body = json.dumps({"email": email, "password": PASSWORD}).encode()
        head = f"POST /api/users/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        with socket.create_connection(("127.0.0.1", application.port)) as client:
            client.sendall(
                head.encode() + b"Content-Type: application/json\r\n\r\n" + (body if number % 2 else body[:-5])
            )
            time.sleep(number * 0.005)
    assert application.register(new_email()).status_code == 201

    def settled() -> bool:
        return count(database, "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'") == 0

    eventually(settled)
    for number, email in enumerate(emails):
        assert accounts(database, email) == registrations(database, email) <= number % 2
    assert "Traceback" not in application.log("web")[logged:]


def test_a_body_that_comes_in_chunks_is_read(http):
    def chunks():
        yield b'{"email": "' + new_email().encode()
        yield b'", "password": "a long way down"}'

    answer = http.post("/api/users/", content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text


def test_a_websocket_upgrade_is_no_fault_of_ours(http):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert http.get("/api/nothing/", headers=upgrade).status_code == 404
