"""The environment: what is declared, what is documented, and what a wrong value leads to."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from core.settings.environment import SOURCE, declared

ROOT = SOURCE.parent


def start(then: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own, in this environment and no other."""
    complete = {key: value for key, value in dotenv().items() if key not in environment}
    inherited = {key: os.environ[key] for key in ("PATH",) if key in os.environ}
    asked = {key: value for key, value in environment.items() if value != "<unset>"}
    return subprocess.run(
        [sys.executable, "-c", f"import core.settings; {then}"],
        cwd=SOURCE, env={**inherited, **complete, **asked, "PYTHONPATH": str(SOURCE)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def dotenv() -> dict[str, str]:
    lines = (SOURCE / "core" / ".env.ci").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_example_file_is_complete():
    assert start().returncode == 0


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "CLICKHOUSE_HOST"])
@pytest.mark.skipif((SOURCE / "core" / ".env").exists(), reason="a developer's own .env supplies what is left out here")
def test_a_missing_variable_stops_the_start_with_one_line(name):
    started = start(**{name: "<unset>"})
    assert started.returncode == 1
    (line,) = started.stderr.strip().splitlines()
    assert line.startswith(f"settings: {name} is not set: ")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DEBUG", "maybe", "DEBUG must be true or false, not 'maybe'"),
        (
            "CLICKHOUSE_HOST",
            "one,,two",
            "CLICKHOUSE_HOST must be host, host:port or [IPv6]:port, several by commas, not 'one,,two'",
        ),
        ("CLICKHOUSE_PORT", "native", "CLICKHOUSE_PORT must be a whole number from 1 to 65535, not 'native'"),
        ("OUTBOX_BATCH_ROWS", "0", "OUTBOX_BATCH_ROWS must be a whole number from 1 to 1000000, not '0'"),
        (
            "OUTBOX_BATCH_BYTES",
            "268435457",
            "OUTBOX_BATCH_BYTES must be a whole number from 1 to 268435456, not '268435457'",
        ),
        (
            "OUTBOX_MAX_EVENT_BYTES",
            "1073741824",
            "OUTBOX_MAX_EVENT_BYTES must be a whole number from 1 to 268435456, not '1073741824'",
        ),
        ("OUTBOX_FLUSH_INTERVAL", "often", "OUTBOX_FLUSH_INTERVAL must be a number of seconds, not 'often'"),
        ("OUTBOX_LEASE_SECONDS", "nan", "OUTBOX_LEASE_SECONDS must be a number of seconds from 1 to 86400, not 'nan'"),
        ("METRICS_PORT", "99999999", "METRICS_PORT must be a whole number from 0 to 65535, not '99999999'"),
        ("METRICS_PORT", "9100", "PROMETHEUS_MULTIPROC_DIR is not set, but METRICS_PORT is: nothing would be measured"),
        ("METRICS_TOKEN", "x", "PROMETHEUS_MULTIPROC_DIR is not set, but METRICS_TOKEN is: nothing would be measured"),
        (
            "LOG_LEVELS",
            "outbox",
            "LOG_LEVELS must be logger=LEVEL, with a level of DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'outbox'",
        ),
        (
            "LOG_LEVELS",
            "a=INFO,outbox=LOUD",
            "LOG_LEVELS must be logger=LEVEL, with a level of DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'outbox=LOUD'",
        ),
        ("SENTRY_CONFIG_SAMPLE_RATE", "1.5", "SENTRY_CONFIG_SAMPLE_RATE must be a ratio from 0 to 1, not '1.5'"),
        *(
            ("SENTRY_CONFIG_DSN", dsn, "SENTRY_CONFIG_DSN must be a DSN such as https://key@sentry.example.com/1")
            for dsn in (
                "nonsense",
                "https://sentry.example.com/1",
                "https://hunter2@/1",
                "https://hunter2@host",
                "https://public:hunter2@host/project",
                "ftp://hunter2@host/1",
                "hunter2@host/1",
                "//hunter2@host/1",
            )
        ),
        *(
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                endpoint,
                "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL that starts with http:// or https://",
            )
            for endpoint in ("nonsense", "collector:4318", "grpc://collector:4317", "http:/collector")
        ),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be one of console, json, not 'xml'"),
        ("TIME_ZONE", "Mars/Olympus", "TIME_ZONE must be a time zone such as Europe/Berlin, not 'Mars/Olympus'"),
        ("EMAIL_VERIFICATION_REQUIRED", "often", "EMAIL_VERIFICATION_REQUIRED must be true or false, not 'often'"),
        *(
            (
                "AUTH_TOKEN_SECONDS",
                value,
                f"AUTH_TOKEN_SECONDS must be a number of seconds from 1 to 3155760000, not '{value}'",
            )
            for value in ("0", "1e10", "1e300", "inf")
        ),
        (
            "TRUSTED_PROXIES",
            "9" * 5000,
            f"TRUSTED_PROXIES must be a whole number from 0 to 1000000000000, not '{'9' * 100}'",
        ),
        ("CLICKHOUSE_HOST", "h:99999", "CLICKHOUSE_HOST must be hosts whose ports are 65535 at most, not 'h:99999'"),
        ("DATABASE_URL", "postgres://127.0.0.1:5432", "DATABASE_URL names no database: it must end with /name"),
        (
            "REDIS_URL",
            "redis://127.0.0.1:6379/banana",
            "REDIS_URL must end with the number of a database, such as /0, or with none",
        ),
        ("FRONTEND_URL", "app", "FRONTEND_URL must be a URL that starts with http:// or https://"),
        ("SECRET_KEY", "", "SECRET_KEY is empty: signs sessions and tokens; long, random, yours alone"),
        *(
            ("SECRET_KEY", key, "SECRET_KEY has a comma, or a space at an end: SECRET_KEY_FALLBACKS could not hold it")
            for key in ("one,two", " one", "one ")
        ),
    ],
)
def test_a_malformed_variable_stops_the_start_with_one_line(name, value, says):
    started = start(**{name: value})
    assert started.returncode == 1
    assert started.stderr.strip() == f"settings: {says}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENTRY_CONFIG_DSN", "https://0123456789abcdef@o1.ingest.sentry.example/42"),
        ("SENTRY_CONFIG_DSN", "https://public:secret@sentry.example:9000/behind/a/path/1"),
        ("SENTRY_CONFIG_DSN", "http://key@[::1]:9000/1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:password@[::1]:4318/path"),
    ],
)
def test_where_errors_and_traces_go_is_taken_as_it_is_written(name, value):
    assert start(f"print(core.settings.{name})", **{name: value}).stdout == f"{value}\n"


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "EMAIL_URL"])
def test_a_malformed_url_is_not_repeated_because_it_holds_a_password(name):
    started = start(**{name: "mysql://app:hunter2@host/db"})
    assert started.returncode == 1
    assert name in started.stderr
    assert "hunter2" not in started.stderr


@pytest.mark.parametrize("password", ["hunter/2s3cr", "hunter#2s3cr", "hunter?2s3cr", "[hunter2s3cr"])
@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("DATABASE_URL", "postgres"),
        ("REDIS_URL", "redis"),
        ("EMAIL_URL", "smtp"),
        ("SENTRY_CONFIG_DSN", "https"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http"),
    ],
)
def test_a_password_that_takes_a_url_apart_stops_the_start_with_one_line_that_does_not_quote_it(name, scheme, password):
    started = start(**{name: f"{scheme}://app:{password}@db:5432/x"})
    assert started.returncode == 1
    (line,) = started.stderr.strip().splitlines()
    assert line.startswith(f"settings: {name} must be a URL such as ")
    assert "hunter" not in line
    assert "s3cr" not in line


def test_a_value_may_stand_in_a_file(tmp_path):
    secret = tmp_path / "secret_key"
    secret.write_text("of the file with = and ü\n")
    started = start("print(core.settings.SECRET_KEY)", SECRET_KEY="<unset>", SECRET_KEY_FILE=str(secret))
    assert started.stdout == "of the file with = and ü\n"


@pytest.mark.skipif((SOURCE / "core" / ".env").exists(), reason="a developer's own .env sets the variable as well")
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "which cannot be read: No such file or directory"),
        ("", "which is empty"),
        ("\n", "which is empty"),
        (b"\xff\xfe", "which is no text in UTF-8"),
    ],
)
def test_a_file_that_holds_no_value_stops_the_start_with_one_line(tmp_path, content, says):
    secret = tmp_path / "secret_key"
    if content is not None:
        secret.write_bytes(content if isinstance(content, bytes) else content.encode())
    started = start(SECRET_KEY="<unset>", SECRET_KEY_FILE=str(secret))
    assert started.returncode == 1
    assert started.stderr == f"settings: SECRET_KEY_FILE is {secret}, {says}\n"


def test_a_variable_and_its_file_at_once_stop_the_start(tmp_path):
    (tmp_path / "secret_key").write_text("hunter2")
    started = start(SECRET_KEY="hunter3", SECRET_KEY_FILE=str(tmp_path / "secret_key"))
    assert started.stderr == "settings: SECRET_KEY and SECRET_KEY_FILE are both set: set one of them\n"


def test_an_empty_name_of_a_file_counts_as_none():
    assert start("print(core.settings.SECRET_KEY)", SECRET_KEY="mine", SECRET_KEY_FILE="").stdout == "mine\n"


@pytest.mark.parametrize("password", ["plain", "a/b#c?d@e%41 f:[g]"])
def test_a_password_may_stand_beside_its_url(password):
    shown = "s = core.settings; print(s.DATABASES['default']['PASSWORD']); print(s.REDIS_URL)"
    started = start(
        shown, DATABASE_URL="postgres://app@db:5432/x", DATABASE_PASSWORD=password,
        REDIS_URL="rediss://broker:6379/1", REDIS_PASSWORD=password,
    )  # fmt: skip
    of_database, of_broker = started.stdout.splitlines()
    assert of_database == password
    assert unquote(urlsplit(of_broker).password) == password
    assert of_broker.endswith("@broker:6379/1")


@pytest.mark.parametrize(("name", "scheme"), [("DATABASE", "postgres"), ("REDIS", "redis")])
def test_two_passwords_for_one_server_stop_the_start(name, scheme):
    started = start(**{f"{name}_URL": f"{scheme}://app:hunter2@host/1", f"{name}_PASSWORD": "hunter3"})
    assert started.returncode == 1
    assert started.stderr == (
        f"settings: {name}_URL holds a password, and there is another one beside it: set one of them\n"
    )


@pytest.mark.parametrize("pool", ["0", "8"])
def test_what_the_url_says_to_libpq_is_said_to_it_besides_our_own(pool):
    shown = "print(core.settings.DATABASES['default']['OPTIONS'])"
    url = "postgres://app@db:5432/x?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    options = ast.literal_eval(start(shown, DATABASE_URL=url, DATABASE_POOL_SIZE=pool).stdout)
    assert options["sslmode"] == "verify-full"
    assert options["sslrootcert"] == "/etc/ca.pem"
    assert options["connect_timeout"] == 5
    assert ("pool" in options) == (pool == "8")


def test_the_retention_goes_to_the_event_store():
    started = start("print(core.settings.EVENT_STORE['OPTIONS']['retention_days'])", CLICKHOUSE_RETENTION_DAYS="30")
    assert started.stdout == "30\n"


@pytest.mark.parametrize(
    ("hosts", "addresses"),
    [
        ("one", "one 9000 []"),
        ("one:9001, two,[::1]:9003", "one 9001 [('two', 9000), ('::1', 9003)]"),
        ("::1", "::1 9000 []"),
    ],
)
def test_clickhouse_may_have_several_hosts(hosts, addresses):
    shown = "o = core.settings.EVENT_STORE['OPTIONS']; print(o['host'], o['port'], o['standbys'])"
    assert start(shown, CLICKHOUSE_HOST=hosts, CLICKHOUSE_PORT="9000").stdout == f"{addresses}\n"


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("consolemail://", "django.core.mail.backends.console.EmailBackend  25 False"),
        ("smtp://localhost:25", "django.core.mail.backends.smtp.EmailBackend localhost 25 False"),
        ("smtp+tls://me:p%40ss@mail:587", "django.core.mail.backends.smtp.EmailBackend mail 587 True"),
    ],
)
def test_the_mail_server_is_a_url(url, settings):
    shown = "s.EMAIL_BACKEND, s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_USE_TLS"
    assert start(f"s = core.settings; print({shown})", EMAIL_URL=url).stdout == f"{settings}\n"


def test_the_readme_lists_every_variable_with_its_type_default_and_purpose():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    documented = {name: rest for name, *rest in rows}
    shown: dict[object, str] = {None: "required", "": "empty"}
    assert documented == {
        variable.name: [variable.kind, shown.get(variable.default, f"`{variable.default}`"), variable.purpose]
        for variable in declared.values()
    }


def test_no_module_reads_the_environment_behind_the_settings_back():
    allowed = {"environment.py", "asgi.py", "wsgi.py", "celery.py", "install.py", "reloading.py"}
    rooms = ("core", "users", "event_log", "outbox", "events", "kit")
    readers = {
        path.name
        for room in rooms
        for path in Path(SOURCE, room).rglob("*.py")
        if re.search(r"os\.(environ|getenv)", path.read_text())
    }
    assert readers <= allowed
