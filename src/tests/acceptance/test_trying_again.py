"""Clients that vanish and come again with their Idempotency-Key, against the real server."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import psycopg

PASSWORD = "a long way down"


def request(email: str, key: str) -> tuple[dict[str, str], bytes]:
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    return {"Content-Type": "application/json", "Idempotency-Key": key}, body


def vanish(application, email: str, key: str, *, after: float) -> None:
    """Send a whole registration and close the connection without waiting for the answer."""
    headers, body = request(email, key)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", application.port)) as client:
        line = f"POST /api/users/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{head}\r\n"
        client.sendall(line.encode() + body)
        time.sleep(after)


def come_again(application, email: str, key: str) -> httpx.Response:
    """Try until the answer is another one than \"in progress\"."""
    headers, body = request(email, key)
    deadline = time.monotonic() + 60
    while True:
        response = application.http.post("/api/users/", content=body, headers=headers)
        if response.status_code != 409 or time.monotonic() > deadline:
            return response
        time.sleep(float(response.headers.get("Retry-After", "0.1")))


def half_a_minute_goes_by(environment) -> None:
    """The claims of requests that were cut off run out; whoever still works on one loses it."""
    with psycopg.connect(environment["DATABASE_URL"]) as database:
        database.execute("UPDATE guards_kept_answer SET claimed_until = now() WHERE status IS NULL")


def test_who_vanished_before_the_answer_has_it_when_they_come_again(application, environment):
    people = [(f"{uuid4().hex}@example.com", str(uuid4()), number * 0.01) for number in range(10)]
    with ThreadPoolExecutor(10) as clients:
        list(clients.map(lambda person: vanish(application, person[0], person[1], after=person[2]), people))
        coming = [clients.submit(come_again, application, email, key) for email, key, _ in people]
        while not all(each.done() for each in coming):
            half_a_minute_goes_by(environment)
            time.sleep(0.5)
        answers = [each.result() for each in coming]
    assert [answer.status_code for answer in answers] == [201] * 10, [answer.text for answer in answers]
    assert [answer.json()["email"] for answer in answers] == [email for email, *_ in people]
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as database:
        for email, *_ in people:
            found = database.execute("SELECT count(*) FROM users_user WHERE email = %s", [email]).fetchone()
            assert found == (1,)


def test_of_twenty_at_once_with_one_key_all_have_one_answer(application, environment):
    email, key = f"{uuid4().hex}@example.com", str(uuid4())
    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda _: come_again(application, email, key), range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as database:
        recorded = database.execute(
            "SELECT count(*) FROM outbox_event WHERE event_type = 'user_registered' AND position(%s in context) > 0",
            [email],
        ).fetchone()
    assert recorded == (1,)
