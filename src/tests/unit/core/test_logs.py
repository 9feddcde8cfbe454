"""Log lines of a process of its own, for logging is set up once."""

import json
import subprocess
import sys

import pytest

from core.settings.environment import SOURCE
from tests.unit.core.test_observability import in_a_process, plain_environment

CANARY = "canary7c1f0123456789"
BEGIN = "import django; django.setup(); import logging, structlog; log = structlog.get_logger('t'); "
END_OF_STEP = "--- end of step ---"


def logged(code: str, **environment: str) -> list[dict]:
    return [json.loads(line) for line in in_a_process(BEGIN + code, **environment).splitlines()]


def printed_by_each(*steps: str, **environment: str) -> dict[str, str]:
    """What each of them prints, one after the other in one process: to start one takes longer than all of them."""
    code = BEGIN + "".join(f"\n{step}\nprint({END_OF_STEP!r}, flush=True)" for step in steps)
    printed = in_a_process(code, **environment).split(f"{END_OF_STEP}\n")[:-1]
    return dict(zip(steps, printed, strict=True))


def test_a_line_has_its_identifier_level_logger_time_and_keys():
    (line,) = logged("log.info('batch_delivered', events=3)")
    time = line.pop("timestamp")
    assert line == {"event": "batch_delivered", "level": "info", "logger": "t", "events": 3}
    assert time.endswith("Z")


CARELESS = [
    f"log.info('x', password='{CANARY}')",
    f"log.info('x', form={{'a': [{{'token': '{CANARY}'}}]}})",
    f"log.info('x', url='redis://:{CANARY}@host/0')",
    f"logging.getLogger('lib').warning('connect to %s', 'postgres://app:{CANARY}@db/app')",
    f"logging.getLogger('lib').warning('x', extra={{'headers': {{'Authorization': 'Bearer {CANARY}'}}}})",
    f"\ntry:\n    raise ValueError('redis://:{CANARY}@host')\nexcept ValueError: log.exception('x')",
    f"\ntry: raise OSError('pg://u:{CANARY}@h') from KeyError('x://{CANARY}@h')\nexcept OSError: log.exception('x')",
    f"\ntry:\n    try: raise OSError('x://:{CANARY}@h')\n    finally: 1 / 0\nexcept Exception: logging.exception('x')",
    f"\ntry: raise ExceptionGroup('x', [OSError('smtp://u:{CANARY}@mail')])\nexcept Exception: log.exception('x')",
    f"error = OSError('x'); error.add_note('postgres://u:{CANARY}@db'); log.error('x', exc_info=error)",
    f"log.error('x', reason=repr(OSError('postgresql://u:{CANARY}@db')))",
    f"log.info('x', deep=[ValueError('clickhouse://u:{CANARY}@host')], stack_info=True)",
    f"log.info('x', conninfo='host=db user=app password={CANARY} dbname=x')",
    f"import warnings; warnings.warn('password={CANARY}')",
    f"log.info('x', password_hash='{CANARY}')",
    f"log.info('x', header='eyJhbGciOiJIUzI1NiJ9.eyJzdWIi{CANARY}.{CANARY}')",
    f"logging.getLogger('lib').error('got eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY} of %s', 'somebody')",
    f"log.info('x', key='-----BEGIN PRIVATE KEY-----\\n{CANARY}\\n-----END PRIVATE KEY-----')",
    f"\ntry:\n    raise ValueError('-----BEGIN PRIVATE KEY-----\\n{CANARY}')\nexcept Exception: log.exception('x')",
]


@pytest.fixture(scope="module", params=["json", "console"])
def printed(request) -> dict[str, str]:
    return printed_by_each(*CARELESS, LOG_FORMAT=request.param)


@pytest.mark.parametrize("code", CARELESS)
def test_no_canary_is_in_a_line(code, printed):
    assert "***" in printed[code]
    assert CANARY not in printed[code]


ODD = [
    f"log.info('odd', value={value})"
    for value in (
        "'\\ud800'", "'\\0'", "'a\\nb\\u2028'", "{(1, 2): 3}", "b'\\xff'", "object()", "float('nan')", "{1, 2}"
    )
]  # fmt: skip


@pytest.fixture(scope="module", params=[{}, {"PYTHONIOENCODING": "ascii"}], ids=["as it is", "ascii"])
def odd(request) -> dict[str, str]:
    return printed_by_each(*ODD, **request.param)


@pytest.mark.parametrize("code", ODD)
def test_a_line_is_never_lost_because_of_what_it_holds(code, odd):
    (line,) = odd[code].splitlines()
    assert json.loads(line)["event"] == "odd"


def test_warnings_and_uncaught_exceptions_are_lines_too():
    found = logged(
        "import warnings, threading; warnings.warn('old'); "
        "t = threading.Thread(target=lambda: 1 / 0, name='mine'); t.start(); t.join()"
    )
    assert [line["logger"] for line in found] == ["py.warnings", "core.observability.logs"]
    assert found[0]["event"].startswith("UserWarning: old (")
    assert (found[1]["event"], found[1]["thread"]) == ("uncaught_exception", "mine")
    assert "ZeroDivisionError" in found[1]["exception"]


@pytest.mark.parametrize("pool", ["billiard.util", "multiprocessing"])
def test_what_a_pool_says_of_a_child_that_was_killed_is_one_line_like_the_others(pool):
    (line,) = logged(f"from {pool} import get_logger; get_logger().error('Process %r exited', 'Fork-1')")
    assert (line["event"], line["logger"], line["level"]) == ("Process 'Fork-1' exited", "multiprocessing", "error")


def test_a_logger_may_have_a_level_of_its_own():
    code = "[logging.getLogger(n).log(l, n) for n in ('a', 'a.b', 'c') for l in (10, 20, 30)]"
    found = logged(code, LOG_LEVEL="WARNING", LOG_LEVELS="a=DEBUG, a.b=ERROR")
    assert [(line["event"], line["level"]) for line in found] == [
        ("a", "debug"), ("a", "info"), ("a", "warning"), ("c", "warning"),
    ]  # fmt: skip


def test_a_broker_that_is_away_is_a_warning_of_a_line_with_each_tick():
    beat = """
from celery.beat import ScheduleEntry, Scheduler
from core.celery import app
from kombu.exceptions import OperationalError

class Away(Scheduler):
    def setup_schedule(self): pass
    def send_task(self, *_, **__): raise OperationalError("nobody is there")

Away(app).apply_entry(ScheduleEntry(name="tick", task="of.nobody", app=app), producer=object())
"""
    (line,) = [line for line in logged(beat) if line["logger"] == "celery.beat"]
    assert (line["event"], line["level"]) == ("Couldn't apply scheduled task tick: nobody is there", "warning")
    assert "exception" not in line


def test_a_foreign_host_is_refused_without_a_traceback():
    found = logged(
        "from django.test import Client; "
        "answer = Client().get('/nowhere', secure=True, headers={'Host': 'scanner.example'}); "
        "log.info('answered', status=answer.status_code)"
    )
    assert [line["event"] for line in found if line["logger"].startswith("django")] == []
    assert found[-1]["status"] == 400


FAILING = """
import sys, types
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from kit.api import AsyncAPIView

def fault(request, typed):
    raise ArithmeticError("of ours")

def refuse(request, typed):
    raise PermissionDenied

class Away(AsyncAPIView):
    authentication_classes = permission_classes = ()

    async def get(self, request, typed):
        raise OperationalError("the database is away")

module = types.ModuleType("failing_urls")
module.urlpatterns = [
    path("fault/<typed>/", fault), path("admin/<typed>/", fault), path("away/<typed>/", Away.as_view()),
    path("refused/<typed>/", refuse), path("chosen/<typed>/", lambda request, typed: HttpResponse(status=503)),
]
sys.modules["failing_urls"] = module
settings.ROOT_URLCONF = "failing_urls"
client = Client(raise_request_exception=False)
for where in %s:
    client.get(f"/{where}/typed-by-somebody/", secure=True, headers={"Host": "localhost"})
"""


def test_an_error_of_a_request_is_one_line_without_the_path():
    found = logged(FAILING % ["fault", "admin", "away", "chosen", "refused", "nowhere"])
    assert [(line["event"], line["level"]) for line in found] == [
        ("Internal Server Error", "error"), ("Internal Server Error", "error"), ("database_unavailable", "error"),
    ]  # fmt: skip
    for line, error in zip(found, ["ArithmeticError", "ArithmeticError", "OperationalError"], strict=True):
        assert line["exception"].splitlines()[-1].partition(":")[0].endswith(error)
        assert line["request_id"]
    assert "typed-by-somebody" not in json.dumps(found)


def test_who_asks_for_refusals_as_well_sees_no_path_either():
    found = logged(FAILING % ["refused", "nowhere"], LOG_LEVELS="django.request=WARNING")
    assert [line["event"] for line in found] == [
        "Forbidden (Permission denied)", "Forbidden", "Not Found"
    ]  # fmt: skip
    assert "typed-by-somebody" not in json.dumps(found)


def test_what_is_refused_because_of_a_forged_form_is_logged_without_the_path():
    (line,) = logged(
        "from django.test import Client; Client(enforce_csrf_checks=True).post("
        "'/admin/typed-by-somebody/', secure=True, headers={'Host': 'localhost', 'Referer': 'https://localhost/'})"
    )
    assert (line["event"], line["logger"]) == ("Forbidden (CSRF cookie not set.)", "django.security.csrf")
    assert "typed-by-somebody" not in json.dumps(line)


def test_a_line_names_the_trace_it_belongs_to():
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    (line,) = logged(
        f"from kit.span import traceparent; traceparent.set('00-{trace}-00f067aa0ba902b7-01'); log.info('x')"
    )
    assert (line["trace_id"], line["span_id"]) == (trace, "00f067aa0ba902b7")


# Not all of opentelemetry: redis-py imports what measures, if it is there.
VENDORS = (
    "[m for m in sys.modules if m.startswith(('sentry_sdk', 'opentelemetry.exporter', 'opentelemetry.sdk.trace.'))]"
)


def test_vendors_that_are_not_asked_for_are_not_even_imported():
    (line,) = logged(
        "import sys, core.asgi, core.celery; from core import observability; observability.start(); "
        f"observability.stop(); log.info('loaded', vendors={VENDORS})"
    )
    assert line["vendors"] == []


def test_a_disabled_sdk_is_not_imported():
    (line,) = logged(
        "import sys; from core import observability; observability.start(); "
        f"log.info('loaded', vendors={VENDORS})",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", OTEL_SDK_DISABLED="true",
    )  # fmt: skip
    assert line["vendors"] == []


def test_uvicorn_with_several_workers_prints_nothing_but_json(tmp_path):
    with subprocess.Popen(
        [
            sys.executable, "-m", "uvicorn", "core.asgi:application", "--uds", str(tmp_path / "web"), "--workers", "2",
            "--ws", "none", "--log-config", "core/observability/uvicorn.json",
        ],
        cwd=SOURCE, env=plain_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as server:  # fmt: skip
        printed = []
        for line in server.stdout:
            printed.append(json.loads(line))
            if [each["event"] for each in printed].count("Application startup complete.") == 2:
                server.terminate()
    said = [line["event"] for line in printed]
    assert any(event.startswith("Started parent process") for event in said)
    assert any(event.startswith("Stopping parent process") for event in said)
