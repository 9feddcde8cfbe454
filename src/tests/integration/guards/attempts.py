"""Attempts to get in, from here and there."""

from tests.integration.users.conftest import PASSWORD, post

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.{}"


def log_in(api, password=PASSWORD, *, email="ada@example.com", origin=HOME):
    return post(api, "/api/auth/login/", {"email": email, "password": password}, **{"X-Forwarded-For": origin})


def register(api, email, *, origin=HOME):
    body = {"email": email, "password": PASSWORD}
    return post(api, "/api/users/", body, **{"X-Forwarded-For": origin})


def assert_refused(response, *, within):
    assert response.status_code == 429, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["type"] == "urn:problem:too-many-attempts"
    seconds = int(response.headers["Retry-After"])
    assert 0 < seconds <= within
    assert response.json()["detail"] == f"Too many attempts: try again in {seconds} seconds."


def fail(api, times, **origin):
    for _ in range(times):
        assert log_in(api, "wrong", **origin).status_code == 401


def bearer(api, email="ada@example.com"):
    return {"Authorization": f"Bearer {log_in(api, email=email).json()['token']}", "X-Forwarded-For": HOME}
