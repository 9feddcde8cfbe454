"""PostgreSQL as in Compose: its configuration holds, and the roles can do what they must and nothing else."""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from uuid import uuid4

import psycopg
import pytest
from clickhouse_driver import Client
from psycopg import ClientCursor
from psycopg.errors import InsufficientPrivilege, NotNullViolation

from core import roles
from core.settings.environment import SOURCE
from outbox.sql import statement
from tests.acceptance.conftest import Application, eventually
from tests.production.conftest import log_of
from tests.production.paths import DOCKER
from tests.production.postgres import PASSWORDS
from tests.production.test_runbook import BLOCKS

pytestmark = pytest.mark.slow

CONFIGURED = dict(
    re.findall(r"^(\w+) = '?([^'\n]*?)'?$", (DOCKER / "postgres" / "postgresql.conf").read_text(), re.MULTILINE)
)
STATEMENTS = sorted(path.stem for path in (SOURCE / "outbox" / "sql").glob("*.sql"))
RUN_AS = {
    "app_owner": "postgres_owner_password",
    "app": "postgres_app_password",
    "app_reader": "postgres_reader_password",
}


@pytest.fixture(scope="module")
def environment(postgres):
    """An installation that has its tables from the owner and works as the application's role."""
    found = {
        **os.environ, "DATABASE_URL": url(postgres, "app"), "CLICKHOUSE_DATABASE": f"roles_{uuid4().hex[:12]}",
        "CLICKHOUSE_PORT": os.environ.get("CLICKHOUSE_PORT", "9000"), "ACCEPTANCE_REDIS_DB": "11",
        "OUTBOX_RETENTION": "0", "OUTBOX_LEASE_SECONDS": "1", "LOG_FORMAT": "json",
    }  # fmt: skip
    install(postgres, found)
    yield found
    client = Client(
        host=found["CLICKHOUSE_HOST"], port=found["CLICKHOUSE_PORT"], user=found["CLICKHOUSE_USER"],
        password=found["CLICKHOUSE_PASSWORD"],
    )  # fmt: skip
    client.execute(f"DROP DATABASE IF EXISTS {found['CLICKHOUSE_DATABASE']}")
    client.disconnect()


def install(postgres, environment):
    done = manage(
        {**environment, "DATABASE_URL": url(postgres, "app_owner")},
        "install", "--app-role", "app", "--reader-role", "app_reader",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def url(postgres, role):
    return postgres.url(role, PASSWORDS[RUN_AS[role]])


def manage(environment, *arguments):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=SOURCE, capture_output=True, text=True, check=False, timeout=120,
        env={**environment, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip


def outbox(environment, *arguments):
    done = manage(environment, "outbox", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def superuser(postgres):
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def as_role(postgres, environment):
    def connected(role):
        return psycopg.connect(url(postgres, role), autocommit=True)

    return connected


def test_postgresql_takes_every_line_of_its_configuration(superuser):
    assert len(CONFIGURED) > 30
    # Of what the test's own server sets otherwise, PostgreSQL says that it would take a restart.
    wrong = "SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL AND name <> 'listen_addresses'"
    assert superuser.execute(wrong).fetchall() == []
    read = {name for (name,) in superuser.execute("SELECT name FROM pg_file_settings")}
    assert read == CONFIGURED.keys()
    overridden = {"listen_addresses", "fsync"}  # by the test's own server
    found = dict(superuser.execute("SELECT name, source FROM pg_settings WHERE name = ANY (%s)", [list(CONFIGURED)]))
    assert {name for name, source in found.items() if source != "configuration file"} == overridden


def test_what_was_acknowledged_is_on_the_disk():
    assert [CONFIGURED[name] for name in ("fsync", "full_page_writes", "synchronous_commit")] == ["on", "on", "on"]


def test_segments_of_wal_are_ended_early_for_an_archive_only():
    assert "archive_timeout" not in CONFIGURED or CONFIGURED.get("archive_mode") == "on"


def test_the_log_says_what_went_wrong_and_nothing_that_statements_carry(postgres, superuser):
    superuser.execute("CREATE TEMPORARY TABLE known (email text PRIMARY KEY)")
    superuser.execute("INSERT INTO known VALUES ('canary-1'), ('canary-2')")
    superuser.execute("SELECT pg_sleep(1.2), 'canary-slow'")
    for refused in ("INSERT INTO known VALUES ('canary-1')", "UPDATE known SET email = 'canary-2'"):
        with pytest.raises(psycopg.errors.UniqueViolation):
            superuser.execute(refused)
    with pytest.raises(psycopg.errors.UniqueViolation):
        superuser.execute("INSERT INTO known VALUES (%s)", ["canary-1"])
    refusal = 'duplicate key value violates unique constraint "known_pkey"'
    eventually(lambda: log_of(postgres).read_text().count(refusal) == 3)  # and all that came before it
    assert "canary" not in log_of(postgres).read_text()


def test_the_application_works_as_a_role_that_owns_nothing(environment, superuser, tmp_path):
    """From a registration over HTTP to the proof, with the real processes."""
    application = Application(folder=tmp_path, environment=environment)
    try:
        application.start("web", "worker", "beat")
        registered = application.register("ada@example.com")
        assert registered.status_code == 201
        token = application.http.post(
            "/api/auth/login/", json={"email": "ada@example.com", "password": "a long way down"}
        ).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert application.http.patch("/api/users/me/", json={"first_name": "A."}, headers=bearer).status_code == 200
        gone = application.http.post("/api/users/me/delete/", json={"password": "a long way down"}, headers=bearer)
        assert gone.status_code == 204, gone.text
        eventually(lambda: outbox(environment, "status")["pending_events"] == 0)
        assert application.http.get("/readyz").status_code == 200
    finally:
        application.close()
    proved = outbox(environment, "verify")
    assert proved["differences"] == []
    assert proved["events"] >= 4
    assert superuser.execute("SELECT count(*) FROM pg_class WHERE relowner = 'app'::regrole").fetchone() == (0,)


def test_the_application_rotates_a_slot(environment, as_role, superuser):
    with as_role("app") as app:
        app.execute(
            "INSERT INTO outbox_event (slot, event_id, event_type, occurred_at, environment, context, metadata_version,"
            " actor_id, request_id, trace_context)"
            " SELECT (floor(extract(epoch FROM now()) / 86400)::bigint + 3) % 8, gen_random_uuid(), 'old', now(),"
            " 'test', '{}', 1, '', '', '' FROM generate_series(1, 100)"
        )
    outbox(environment, "seal")
    outbox(environment, "deliver")
    rotated = outbox(environment, "rotate")
    assert len(rotated["slots"]) == 1, rotated
    (left,) = superuser.execute("SELECT count(*) FROM outbox_event WHERE event_type = 'old'").fetchone()
    assert left == 0
    assert outbox(environment, "verify")["differences"] == []


def test_the_application_gets_over_a_move_to_another_cluster(environment, superuser):
    """The locks of re-basing need a right, too."""
    superuser.execute("UPDATE outbox_cursor SET cluster = cluster - 1")
    outbox_is_adopted = manage(environment, "outbox", "adopt")
    assert outbox_is_adopted.returncode == 0, outbox_is_adopted.stderr
    outbox(environment, "seal")
    (moved,) = superuser.execute(
        "SELECT cluster = (SELECT system_identifier FROM pg_control_system()) AND NOT rebase FROM outbox_cursor"
    ).fetchone()
    assert moved


@pytest.mark.parametrize(
    "forbidden",
    [
        "UPDATE outbox_event SET context = '{}'",
        "DELETE FROM outbox_event",
        "TRUNCATE outbox_event",
        "UPDATE outbox_event_slot_0 SET context = '{}'",
        "DELETE FROM outbox_event_slot_0",
        "INSERT INTO outbox_event_slot_0 OVERRIDING SYSTEM VALUE SELECT * FROM outbox_event",
        "DELETE FROM outbox_cursor",
        "UPDATE outbox_batch SET ids = '{}'",
        "UPDATE outbox_batch SET events = 1",
        "TRUNCATE outbox_batch CASCADE",
        "UPDATE outbox_quarantine SET context = '{}'",
        "DELETE FROM outbox_quarantine",
        "DELETE FROM django_migrations",
        "INSERT INTO auth_permission (name, content_type_id, codename) VALUES ('x', 1, 'x')",
        "SELECT setval('users_letter_id_seq', 1)",
        "ALTER TABLE outbox_event ADD COLUMN x int",
        "DROP TABLE outbox_batch",
        "CREATE TABLE mine (x int)",
        "CREATE TEMPORARY TABLE mine (x int)",
        "ALTER TABLE outbox_event DISABLE TRIGGER ALL",
        "SET ROLE app_owner",
        "COPY outbox_event TO PROGRAM 'true'",
    ],
)
def test_the_application_cannot(as_role, forbidden):
    with as_role("app") as app, pytest.raises(InsufficientPrivilege):
        app.execute(forbidden)


@pytest.mark.parametrize("table", ["outbox_event", "outbox_batch", "outbox_quarantine", "outbox_reconciliation"])
def test_the_reader_reads_the_outbox(as_role, table):
    with as_role("app_reader") as reader:
        assert reader.execute(f"SELECT count(*) FROM {table}").fetchone()


@pytest.mark.parametrize(
    "forbidden",
    ["SELECT * FROM users_user", "SELECT * FROM knox_authtoken", "SELECT * FROM django_session",
     "INSERT INTO outbox_reconciliation DEFAULT VALUES", "DELETE FROM outbox_batch", "TRUNCATE outbox_event_slot_0"],
)  # fmt: skip
def test_the_reader_cannot(as_role, forbidden):
    with as_role("app_reader") as reader:
        reader.execute("SET default_transaction_read_only = off")
        with pytest.raises(InsufficientPrivilege):
            reader.execute(forbidden)


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_application_may_run_every_statement_of_the_outbox(as_role, name):
    """It is carried out, for a plan does not show what functions such as `setval` touch; then it is rolled back."""
    text = statement(name)
    with as_role("app") as app, ClientCursor(app) as cursor, app.transaction(force_rollback=True):
        if "FROM STDIN" in text:
            with cursor.copy(text):
                return
        with contextlib.suppress(NotNullViolation):  # of our parameters; rights are looked at before any row is made
            cursor.execute(text, [None] * text.count("%s") or defaultdict(lambda: None))


def test_every_table_has_a_decision_and_every_decision_a_table(environment, superuser):
    found = superuser.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND NOT relispartition"
        " AND relkind IN ('r', 'p', 'v', 'm', 'f')"
    ).fetchall()
    decided = {name for name in roles.APPLICATION if not re.search(r"_seq$|^partition of ", name)}
    assert {name for (name,) in found} == decided
    assert decided >= roles.READER.keys()


def test_only_the_outbox_needs_a_right_to_a_sequence(environment, superuser):
    others = "SELECT count(*) FROM pg_depend JOIN pg_class ON objid = oid WHERE relkind = 'S' AND deptype = 'a'"
    assert superuser.execute(others).fetchone() == (0,)  # those of serial columns; identity columns ask for none


@pytest.fixture
def later(as_role):
    """What a migration may bring some day: another table, and a ninth slot."""
    with as_role("app_owner") as owner:
        owner.execute("CREATE TABLE later (id bigint GENERATED BY DEFAULT AS IDENTITY, x int)")
        owner.execute("CREATE TABLE outbox_event_slot_8 PARTITION OF outbox_event FOR VALUES IN (8)")
        yield
        owner.execute("DROP TABLE later, outbox_event_slot_8")


FORBIDDEN_LATER = ["SELECT * FROM later", "INSERT INTO later VALUES (1, 1)", "DELETE FROM outbox_event_slot_8",
                   "UPDATE outbox_event_slot_8 SET context = '{}'"]  # fmt: skip


def test_a_later_table_is_nobodys_until_somebody_has_decided_and_a_later_slot_is_one(
    postgres, environment, as_role, superuser, later
):
    # As an earlier release had left it.
    superuser.execute("ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public GRANT ALL ON TABLES TO app")
    with as_role("app_owner") as owner:
        owner.execute("CREATE TABLE later_still (x int)")
    said = install(postgres, environment).stderr
    with as_role("app_owner") as owner:
        owner.execute("DROP TABLE later_still")
        owner.execute("CREATE TABLE later_still (x int)")
    try:
        assert "app may do nothing with later, later_still: core/roles.py does not say what it should" in said
        with as_role("app") as app:
            for forbidden in [*FORBIDDEN_LATER, "SELECT * FROM later_still"]:
                with pytest.raises(InsufficientPrivilege):
                    app.execute(forbidden)
            app.execute("TRUNCATE outbox_event_slot_8")
    finally:
        with as_role("app_owner") as owner:
            owner.execute("DROP TABLE later_still")


def test_a_later_table_is_nobodys_before_the_next_deployment_as_well(as_role, later):
    with as_role("app") as app:
        for forbidden in [*FORBIDDEN_LATER, "TRUNCATE outbox_event_slot_8"]:
            with pytest.raises(InsufficientPrivilege):
                app.execute(forbidden)


def test_rights_added_by_hand_are_taken_back_at_the_next_deployment(postgres, environment, superuser, as_role):
    superuser.execute("GRANT UPDATE, DELETE ON outbox_event TO app")
    superuser.execute("GRANT UPDATE (ids) ON outbox_batch TO app")
    superuser.execute("GRANT SELECT ON users_user TO app_reader")
    install(postgres, environment)
    with as_role("app") as app:
        for forbidden in ("DELETE FROM outbox_event", "UPDATE outbox_batch SET ids = '{}'"):
            with pytest.raises(InsufficientPrivilege):
                app.execute(forbidden)
    with as_role("app_reader") as reader, pytest.raises(InsufficientPrivilege):
        reader.execute("SELECT * FROM users_user")


def test_what_an_extension_has_brought_is_its_own_business_whoever_owns_it(postgres, environment, superuser):
    """As where the owner may make extensions, or a superuser migrates."""
    superuser.execute("CREATE EXTENSION pg_stat_statements SCHEMA public")
    try:
        superuser.execute("GRANT SELECT ON pg_stat_statements TO app")
        done = manage({**environment, "DATABASE_URL": postgres.url()}, "install", "--app-role", "app")
        assert done.returncode == 0, done.stderr
        assert "may do nothing with" not in done.stderr
        kept = "SELECT has_table_privilege('app', 'pg_stat_statements', 'SELECT')"
        assert superuser.execute(kept).fetchone() == (True,)
    finally:
        superuser.execute("DROP EXTENSION pg_stat_statements")


def test_the_line_for_sequences_sets_one_that_lags_behind_its_table(environment, superuser):
    (line,) = (line for line in BLOCKS if line.startswith("manage sqlsequencereset "))
    superuser.execute("ALTER SEQUENCE auth_permission_id_seq RESTART")
    asked = line.partition(" | ")[0].split()[1:]
    superuser.execute(manage(environment, *asked).stdout)
    (largest,) = superuser.execute("SELECT max(id) FROM auth_permission").fetchone()
    assert superuser.execute("SELECT nextval('auth_permission_id_seq')").fetchone() == (largest + 1,)


def test_a_role_that_is_not_there_is_said_and_changes_nothing(postgres, environment):
    done = manage({**environment, "DATABASE_URL": url(postgres, "app_owner")}, "install", "--app-role", "nobody")
    assert done.returncode == 1
    assert 'role "nobody" does not exist' in done.stderr
