"""docs/operations.md: its lines that dump and restore PostgreSQL do it, and the database that was there is kept."""

import os
import shlex
import subprocess

import psycopg
import pytest

from tests.production.postgres import PASSWORDS
from tests.production.test_runbook import BLOCKS, RUNBOOK

pytestmark = pytest.mark.slow

INSIDE = "docker compose exec -T postgres "
LINES = [line.removeprefix(INSIDE) for line in BLOCKS if line.startswith(INSIDE)]
BACK = (
    "DROP DATABASE app",
    "ALTER DATABASE app_before RENAME TO app",
    "ALTER DATABASE app ALLOW_CONNECTIONS true",
)


@pytest.fixture
def inside(postgres, tmp_path):
    """Types a line as if within the server's container."""

    def typed(line: str) -> None:
        done = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
            env={"PATH": f"{postgres.programs}:{os.environ['PATH']}", "PGHOST": "127.0.0.1",
                 "PGPORT": str(postgres.port), "PGPASSWORD": postgres.password},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    return typed


def connect(postgres, role):
    password = PASSWORDS[f"postgres_{role.removeprefix('app_')}_password"]
    return psycopg.connect(postgres.url(role, password), autocommit=True)


def test_a_dump_is_restored_beside_what_was_there_though_somebody_is_connected_and_there_is_a_way_back(
    postgres, inside
):
    dump, *restore = LINES
    with connect(postgres, "app_owner") as owner:
        owner.execute("CREATE TABLE kept AS SELECT 'dumped' AS word")
        owner.execute("GRANT SELECT ON kept TO app_reader")
        inside(dump)
        owner.execute("INSERT INTO kept VALUES ('later')")
    somebody = connect(postgres, "app_reader")
    for line in restore:
        inside(line)
    with connect(postgres, "app_reader") as reader:
        assert reader.execute("SELECT word FROM kept").fetchall() == [("dumped",)]
    with pytest.raises(psycopg.OperationalError):
        somebody.execute("SELECT")
    for statement in BACK:
        assert statement in RUNBOOK
        inside(f"psql --username=postgres --command {shlex.quote(statement)}")
    with connect(postgres, "app_reader") as reader:
        assert reader.execute("SELECT word FROM kept").fetchall() == [("dumped",), ("later",)]
    with connect(postgres, "app_owner") as owner:
        owner.execute("DROP TABLE kept")


def test_a_dump_that_cannot_be_read_ends_it_before_anything_is_touched(inside, tmp_path):
    (tmp_path / "app.dump").write_bytes(b"PGDMP and no more")
    with pytest.raises(AssertionError, match="pg_restore"):
        inside(LINES[1])
    assert "--list" in LINES[1]
