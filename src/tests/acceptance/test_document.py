"""docs/api.md is run as it stands: the life of an account, and what of it must never be seen anywhere."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from clickhouse_driver import Client

from tests.acceptance.conftest import SOURCE, Application, eventually, own_databases
from tests.acceptance.document import steps
from tests.sentry_double import sentry_double

DOCUMENT = SOURCE.parent / "docs" / "api.md"
PASSWORDS = {"a long way down", "a long way up", "the third way", "the fourth way", "the way of all", "a guess"}
END_OF_STEP = "--- end of step ---"
# The shell's own tools, which keep what passes through them, so that the test knows every secret of the walk.
WITNESSES = """
curl() { command curl "$@" | tee -a {folder}/answers; }
rm() { cat "$1" >> {folder}/letters.txt; command rm "$1"; }
token=
"""


class Walk:
    """One shell through the whole document, and what it left behind."""

    def __init__(self, application: Application, *, folder: Path, reports: list[str]) -> None:
        self.application, self.reports = application, reports
        self.steps = steps(DOCUMENT)
        self.printed: list[str] = []
        self._folder = folder

    def go(self) -> None:
        commands = "".join(f"{step.commands}\necho '{END_OF_STEP}'\n" for step in self.steps)
        done = subprocess.run(
            ["bash", "-u"], input=WITNESSES.replace("{folder}", str(self._folder)) + self._here(commands), cwd=SOURCE,
            env=self.application.environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        # Commands log to standard error, and this installation logs everything.
        said = [line for line in done.stderr.splitlines() if not line.startswith('{"')]
        assert not said, said
        self.printed = done.stdout.split(f"{END_OF_STEP}\n")[:-1]

    def tokens(self) -> set[str]:
        answers, letters = ((self._folder / name).read_text() for name in ("answers", "letters.txt"))
        return {*re.findall(r'"token":"([^"]+)"', answers), *re.findall(r"^token: (.+)$", letters, re.MULTILINE)}

    def letters(self) -> str:
        """Those that nobody has put away."""
        return "".join(letter.read_text() for letter in (self._folder / "letters").glob("*.log"))

    def post(self, path: str, body: dict[str, str], *, token: str = "") -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.application.http.post(f"/api{path}", json=body, headers=headers).status_code

    def database(self) -> psycopg.Connection:
        return psycopg.connect(self.application.environment["DATABASE_URL"], autocommit=True)

    def _here(self, commands: str) -> str:
        replaced = {
            "localhost:8000": f"127.0.0.1:{self.application.port}",
            "/tmp/letters": f"{self._folder}/letters",
            "make install": f"{sys.executable} manage.py install",
        }
        for there, here in replaced.items():
            assert there in commands
            commands = commands.replace(there, here)
        return commands


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    (folder / "letters").mkdir()
    settings = {"EMAIL_URL": f"filemail:///{folder}/letters", "LOG_LEVEL": "DEBUG", "ACCEPTANCE_REDIS_DB": "10"}
    with sentry_double() as (dsn, reports), own_databases(redis_db=9, **settings, SENTRY_CONFIG_DSN=dsn) as environment:
        application = Application(folder=folder, environment=environment)
        try:
            application.manage("install")
            application.start("web", "worker", "beat")
            walk = Walk(application, folder=folder, reports=reports)
            walk.go()
            yield walk
        finally:
            application.close()


def test_the_document_tells_the_truth(walk):
    assert len(walk.printed) == len(walk.steps)
    mismatches = [step.mismatch(printed) for step, printed in zip(walk.steps, walk.printed, strict=True)]
    assert not "\n\n".join(filter(None, mismatches))


def test_every_step_of_that_life_is_an_event_and_has_its_actor(walk):
    with walk.database() as database:
        rows = database.execute("SELECT event_type, actor_id, context FROM outbox_event ORDER BY id").fetchall()
        root = database.execute("SELECT id::text FROM users_user WHERE email = 'root@example.com'").fetchone()[0]
    ada, again = rows[0][1], rows[-1][1]
    by_nobody = {"letter_sent", "letter_dropped"}
    happened = [(event_type, actor_id) for event_type, actor_id, _ in rows if event_type not in by_nobody]
    assert happened == [
        ("user_registered", ada), ("user_registration_failed", ""),
        ("user_email_verification_requested", ""), ("user_email_verified", ada),
        ("user_login_failed", ""), ("user_logged_in", ada), ("user_token_rotated", ada),
        ("user_logged_in", ada), ("user_sessions_revoked", ada), ("user_logged_out", ada),
        ("user_logged_in", ada), ("user_profile_updated", ada), ("user_reauthentication_failed", ada),
        ("user_password_changed", ada),
        ("user_email_change_requested", ada), ("user_email_changed", ada),
        ("user_password_reset_requested", ""), ("user_password_reset_requested", ""), ("user_password_reset", ada),
        ("user_sessions_revoked", ada), ("user_token_refused", ""),
        ("user_registered", ""), ("user_permissions_changed", ""),
        ("user_logged_in", ada), ("access_denied", ada), ("user_logged_in", root),
        ("user_deactivated", root), ("user_sessions_revoked", root), ("user_activated", root),
        ("events_read", root), ("events_read", root), ("events_read", root),
        ("user_logged_in", ada), ("user_sessions_revoked", ada), ("user_deleted", ada), ("user_registered", again),
    ]  # fmt: skip
    assert [json.loads(context)["fields"] for kind, _, context in rows if kind == "user_profile_updated"] == [
        ["last_name"]
    ]


def test_no_password_and_no_token_is_ever_seen_or_kept(walk):
    """Not even when requests that hold them fail in ways that nobody foresaw."""
    web, email, password = walk.application, "grace@example.com", "a long way up"
    assert walk.post("/users/", {"email": email, "password": password}) == 201
    token = web.http.post("/api/auth/login/", json={"email": email, "password": password}).json()["token"]
    assert walk.post("/auth/password-reset/", {"email": email}) == 202
    (reset,) = eventually(lambda: re.findall(r"^token: (.+)$", walk.letters(), re.MULTILINE))
    with walk.database() as database:
        for table in ("knox_authtoken", "users_letter"):
            database.execute(f"ALTER TABLE {table} RENAME TO hidden")
            try:
                change = {"old_password": password, "new_password": "the fourth way"}
                assert walk.post("/users/me/password/", change, token=token) == 500
                assert walk.post("/auth/password-reset/confirm/", {"token": reset, "password": "the fourth way"}) == 500
            finally:
                database.execute(f"ALTER TABLE hidden RENAME TO {table}")
    secrets = PASSWORDS | walk.tokens() | {token, reset}
    assert len(secrets) == len(PASSWORDS) + 12  # seven of sessions and three of letters in the walk, and these two

    eventually(lambda: any("UndefinedTable" in report for report in walk.reports))
    with walk.database() as database:
        (recorded,) = database.execute("SELECT count(*) FROM outbox_event").fetchone()
    eventually(lambda: len(everything_in_clickhouse(web.environment)) >= recorded)
    seen = {
        "the logs": "".join(web.log(name) for name in ("web", "worker", "beat")),
        "Sentry": "\n".join(walk.reports),
        "ClickHouse": str(everything_in_clickhouse(web.environment)),
        "PostgreSQL": everything_in_postgresql(walk),
    }
    assert "DEBUG" in seen["the logs"].upper()
    for place, text in seen.items():
        assert "grace@example.com" in text or place in {"the logs", "Sentry"}, f"nothing was looked at in {place}"
        assert [secret for secret in secrets if secret in text] == [], f"seen in {place}"


def everything_in_postgresql(walk: Walk) -> str:
    with walk.database() as database:
        tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(
            str(database.execute(f'SELECT array_agg(t::text) FROM "{table}" AS t').fetchone()) for (table,) in tables
        )


def everything_in_clickhouse(environment: dict[str, str]) -> list[tuple]:
    client = Client(
        host=environment["CLICKHOUSE_HOST"],
        port=environment["CLICKHOUSE_PORT"],
        user=environment.get("CLICKHOUSE_USER", "default"),
        password=environment.get("CLICKHOUSE_PASSWORD", ""),
        database=environment["CLICKHOUSE_DATABASE"],
    )
    try:
        return client.execute("SELECT * FROM event_log")
    finally:
        client.disconnect()


def test_while_the_broker_is_away_requests_do_not_notice_and_letters_wait(walk):
    application, email = walk.application, "hopper@example.com"
    assert walk.post("/users/", {"email": email, "password": "a long way up"}) == 201
    application.broker.close()
    try:
        for _ in range(5):
            started = time.monotonic()
            assert walk.post("/auth/password-reset/", {"email": email}) == 202
            assert time.monotonic() - started < 2
        eventually(lambda: "nudge_failed" in application.log("web"))
    finally:
        application.broker.open()
    eventually(lambda: email in walk.letters(), within=60)


def test_log_lines_of_a_request_say_who_made_it(walk):
    walk.post("/users/", {"email": "lamarr@example.com", "password": "a long way up"})
    login = walk.application.http.post(
        "/api/auth/login/", json={"email": "lamarr@example.com", "password": "a long way up"}
    ).json()
    with walk.database() as database:
        database.execute("ALTER TABLE users_letter RENAME TO hidden")
        try:
            change = {"password": "a long way up", "email": "hedy@example.com"}
            assert walk.post("/users/me/email/", change, token=login["token"]) == 500
        finally:
            database.execute("ALTER TABLE hidden RENAME TO users_letter")

    def logged():
        return [json.loads(line) for line in walk.application.log("web").splitlines() if line.startswith("{")]

    def failed():
        wanted = ("api/users/me/email/", 500)
        return [line["request_id"] for line in logged() if (line.get("route"), line.get("status")) == wanted]

    [request_id] = eventually(failed)  # the line comes behind the answer
    about = [line for line in logged() if line.get("request_id") == request_id]
    assert [line for line in about if line.get("actor_id") != str(login["user"]["id"])] == []
    assert any(line["level"] == "error" for line in about)
