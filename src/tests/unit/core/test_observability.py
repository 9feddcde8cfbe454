"""What leaves the process: log lines and error reports, in processes of their own, for both are set up once."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from core.settings.environment import SOURCE
from tests.sentry_double import sentry_double

CANARY = "correct-horse-battery"
_FAILING_VIEW = f"""
import django, json, logging, sys, types
django.setup()
from django.conf import settings
from django.test import Client
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView
import sentry_sdk, structlog

class Register(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request):
        form = dict(request.data)
        harmless = form["password"]
        structlog.get_logger("x").info("crumb_left", token=harmless, deep=[{{"password": harmless}}])
        logging.getLogger("lib").info("connecting to %s", f"redis://:{{harmless}}@host/0")
        logging.getLogger("x").error("form_refused", extra={{"form": {{"nested": [{{"password": harmless}}]}}}})
        logging.getLogger("x").error("hash_refused", extra={{"row": {{"password_hash": harmless}}}})
        logging.getLogger("x").error("key is -----BEGIN PRIVATE KEY-----\\n%s\\n-----END PRIVATE KEY-----", harmless)
        raise RuntimeError(f"nobody foresaw this: eyJhbGciOiJIUzI1NiJ9.{{harmless}}.{{harmless}}")

module = types.ModuleType("failing_urls")
module.urlpatterns = [path("fail/", Register.as_view())]
sys.modules["failing_urls"] = module
settings.ROOT_URLCONF = "failing_urls"
body = json.dumps({{"email": "ada@example.com", "password": "{CANARY}", "note": "{CANARY}"}})
answer = Client(raise_request_exception=False).post(
    "/fail/", body, content_type="application/json", secure=True,
    headers={{"Host": "localhost", "Authorization": "Bearer {CANARY}"}},
)
assert answer.status_code == 500, answer.content
sentry_sdk.flush(10)
"""
_FAULTS = """
import django, sys, types
django.setup()
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import Http404
from django.test import Client
from django.urls import path
import sentry_sdk, structlog

def unforeseen(request):
    raise ValidationError("that no view foresaw")

def duplicate(request):
    raise IntegrityError("DETAIL: Key (email)=(ada@example.com) already exists.")

def unknown(request):
    raise Http404("nothing here")

module = types.ModuleType("failing_urls")
module.urlpatterns = [path("a/", unforeseen), path("b/", duplicate), path("c/", unknown)]
sys.modules["failing_urls"] = module
settings.ROOT_URLCONF = "failing_urls"
client = Client(raise_request_exception=False)
for where in ("/a/", "/b/?q=grace@example.com", "/c/"):
    client.get(where, secure=True, headers={"Host": "localhost"})
for error in (ValueError("one"), KeyError("two")):
    try:
        held = [b"-".join((b"canary", b"in", b"a", b"local"))]  # joined, for the lines of the source are sent
        raise error
    except Exception:
        structlog.get_logger("outbox.relay").exception("delivery_failed")
sentry_sdk.flush(10)
"""
_LOG_LINES = """
import django
django.setup()
from logging import getLogger
from celery.worker.request import logger
logger.info("Discarding revoked task: %s[%s]", "outbox.tick", "one-id")
for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
    getLogger(name).info("a line a second")
"""


def plain_environment(**environment: str) -> dict[str, str]:
    """That of .env.ci as a process in production would have it."""
    lines = (SOURCE / "core" / ".env.ci").read_text().splitlines()
    dotenv = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {
        "PATH": os.environ.get("PATH", ""), **dotenv, "PYTHONPATH": str(SOURCE), "DEBUG": "false",
        "DJANGO_SETTINGS_MODULE": "core.settings", "LOG_FORMAT": "json", **environment,
    }  # fmt: skip


def in_a_process(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=False, timeout=60,
        env=plain_environment(**environment),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def ingest() -> Iterator[tuple[str, list[str]]]:
    with sentry_double() as double:
        yield double


def test_a_password_does_not_reach_sentry_with_the_error_of_its_request(ingest):
    dsn, envelopes = ingest
    in_a_process(_FAILING_VIEW, SENTRY_CONFIG_DSN=dsn)
    sent = "\n".join(envelopes)
    assert "nobody foresaw this" in sent
    assert "form_refused" in sent
    assert "crumb_left" in sent
    assert "connecting to redis://***" in sent
    assert "hash_refused" in sent
    assert "key is ***" in sent
    assert CANARY not in sent


@pytest.fixture(scope="module")
def faults() -> tuple[str, str]:
    """What Sentry was sent of all of them, and what was logged."""
    with sentry_double() as (dsn, envelopes):
        logged = in_a_process(_FAULTS, SENTRY_CONFIG_DSN=dsn, RELEASE="app@1.2.3")
        return "\n".join(envelopes), logged


def test_what_django_has_not_answered_is_a_fault_and_nobodys_address_leaves_with_it(faults):
    sent, logged = faults
    assert "that no view foresaw" in sent
    assert "Key (email)=(***)" in sent
    assert re.search(r'"type":\s*"ValidationError"', sent)
    assert not re.search(r'"type":\s*"Http404"', sent)
    assert "app@1.2.3" in sent
    assert "@example.com" not in sent + logged
    assert "Key (email)=(***)" in logged


def test_each_kind_of_exception_under_an_identifier_is_an_issue_of_its_own(faults):
    sent, _ = faults
    fingerprints = set(re.findall(r'"fingerprint":\s*(\[[^]]*\])', sent))
    assert {tuple(json.loads(each)) for each in fingerprints} >= {
        ("delivery_failed", "ValueError"), ("delivery_failed", "KeyError")
    }  # fmt: skip


def test_no_local_variable_leaves_with_an_exception_that_our_code_logs(faults):
    sent, _ = faults
    assert "delivery_failed" in sent
    assert "canary-in-a-local" not in sent
    assert not re.search(r'"vars":', sent)


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_a_discarded_task_is_logged_and_what_happens_every_second_is_not(level):
    lines = [json.loads(line) for line in in_a_process(_LOG_LINES, LOG_LEVEL=level).splitlines()]
    assert [line["event"] for line in lines] == ["Discarding revoked task: outbox.tick[one-id]"]
