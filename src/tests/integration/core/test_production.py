"""The settings of production: Django's own checks find nothing, and nothing is served in clear."""

import json
import os
import secrets
import subprocess
import sys

import pytest

from core.settings.environment import SOURCE

CHECK = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]
SERVED = """
import django, json
django.setup()
from django.conf import settings
from django.test import Client
settings.ALLOWED_HOSTS = ["testserver"]
found = {}
for name, path, options in json.loads(%r):
    answer = Client().get(path, **options)
    found[name] = [answer.status_code, dict(answer.headers), answer.content.decode()[:500]]
print(json.dumps(found))
"""


def in_production(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a server would, with nothing set but what must be."""
    needed = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL", "CLICKHOUSE_HOST")}
    return subprocess.run(
        [sys.executable, "-W", "error", *command], cwd=SOURCE, capture_output=True, text=True, check=False, timeout=60,
        env={
            **needed, "PYTHONPATH": str(SOURCE), "DJANGO_SETTINGS_MODULE": "core.settings",
            "SECRET_KEY": secrets.token_urlsafe(48), "ALLOWED_HOSTS": "api.example.com", "LOG_LEVEL": "ERROR",
            "EMAIL_URL": "smtp+tls://us:hunter2@mail.example.com:587", **environment,
        },
    )  # fmt: skip


pytestmark = pytest.mark.skipif((SOURCE / "core" / ".env").exists(), reason="a developer's own .env is no production")


@pytest.mark.parametrize("environment", [{}, {"TRUSTED_PROXIES": "1"}, {"HSTS_PRELOAD": "true"}])
def test_djangos_checks_find_nothing(environment):
    checked = in_production(*CHECK, **environment)
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"DEBUG": "true"}, "security.W018"),
        ({"HTTPS_ONLY": "false"}, "core.W002"),
        ({"HSTS_INCLUDE_SUBDOMAINS": "false"}, "core.W003"),
        ({"SECRET_KEY": "short"}, "security.W009"),
        *(
            ({"EMAIL_URL": url}, "core.W001")
            for url in ("smtp://localhost:25", "smtp://127.0.0.2", "smtp://[::1]:25", "consolemail://")
        ),
    ],
)
def test_they_do_find_what_is_wrong(environment, found):
    checked = in_production(*CHECK, **environment)
    assert checked.returncode == 1
    assert found in checked.stderr


@pytest.fixture(scope="module")
def served():
    """What a server behind a proxy of ours answers in clear and over TLS."""

    in_clear: dict = {}
    over_tls = {"headers": {"X-Forwarded-Proto": "https"}}
    asked = [
        ["api", "/api/users/me/", in_clear],
        ["admin", "/admin/login/", in_clear],
        ["probe", "/livez", in_clear],
        ["api over TLS", "/api/users/me/", over_tls],
        ["admin over TLS", "/admin/login/", over_tls],
    ]
    done = in_production("-c", SERVED % json.dumps(asked), TRUSTED_PROXIES="1")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_api_refuses_what_comes_in_clear_and_does_not_redirect(served):
    status, headers, content = served["api"]
    assert status == 403
    assert "urn:problem:https-required" in content
    assert headers["Content-Type"] == "application/problem+json"


def test_pages_are_redirected(served):
    status, headers, _ = served["admin"]
    assert (status, headers["Location"]) == (301, "https://testserver/admin/login/")


def test_probes_are_answered_in_clear(served):
    assert served["probe"][0] == 200


def test_over_tls_a_proxy_is_believed_and_browsers_are_told_to_stay(served):
    for name, expected in (("api over TLS", 401), ("admin over TLS", 200)):
        status, headers, _ = served[name]
        assert status == expected
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_cookies_are_kept_to_tls_and_to_this_host():
    asked = (
        "import django; django.setup(); from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_NAME,"
        "s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SAMESITE, s.SECURE_PROXY_SSL_HEADER)"
    )
    assert in_production("-c", asked).stdout == "True True True __Host-sessionid __Host-csrftoken Lax None\n"


@pytest.mark.parametrize(("proxies", "believed"), [("0", "False"), ("1", "True")])
def test_the_request_ids_of_strangers_are_not_believed(proxies, believed):
    asked = "from django.conf import settings as s; print(s.REQUEST_IDS_BELIEVED)"
    assert in_production("-c", asked, TRUSTED_PROXIES=proxies).stdout == f"{believed}\n"


@pytest.mark.parametrize("command", ["migrate", "install"])
def test_a_database_that_is_away_is_told_in_a_line_and_by_the_code_for_later(command):
    done = in_production("manage.py", command, DATABASE_URL="postgres://app@127.0.0.1:1/app")
    assert done.returncode == 3
    assert "PostgreSQL cannot do this now: " in done.stderr
    assert "Traceback" not in done.stderr
