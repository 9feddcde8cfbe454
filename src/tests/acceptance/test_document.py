"""docs/api.md is run as it stands: the life of an account, and what of it must never be seen anywhere."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.conftest import SOURCE, Application, eventually, own_environment
from tests.acceptance.document import steps
from tests.sentry_double import sentry_double

DOCUMENT = SOURCE.parent / "docs" / "api.md"
PASSWORDS = ("a long way down", "a long way up", "the third way", "the way of all", "a long way back", "a guess")
_END_OF_STEP = "--- end of step ---"


class Walk:
    """One shell through the whole document, and what it left behind."""

    def __init__(self, application: Application, *, letters: Path, reports: list[str]) -> None:
        self.application, self.reports = application, reports
        self._letters = letters
        self.steps = steps(DOCUMENT)
        self.printed: list[str] = []

    def go(self) -> None:
        commands = "".join(f"{step.commands}\necho '{_END_OF_STEP}'\n" for step in self.steps)
        # Every secret of the walk stands in a variable or an answer: the last command shows them to the test.
        done = subprocess.run(
            ["bash", "-u"], input="token=\n" + self._here(commands), cwd=SOURCE, env=self.application.environment,
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        self.printed = done.stdout.split(f"{_END_OF_STEP}\n")[:-1]
        assert not done.stderr, done.stderr

    def _here(self, commands: str) -> str:
        replaced = {
            "localhost:8000": f"127.0.0.1:{self.application.port}",
            "/tmp/letters": str(self._letters),
            "make install": f"{sys.executable} manage.py install",
        }
        for there, here in replaced.items():
            assert there in commands
            commands = commands.replace(there, here)
        return commands


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk")
    letters = folder / "letters"
    letters.mkdir()
    with (
        sentry_double() as (dsn, reports),
        own_environment(
            EMAIL_URL=f"filemail:///{letters}", LOG_LEVEL="DEBUG", SENTRY_CONFIG_DSN=dsn, ACCEPTANCE_REDIS_DB="10"
        ) as environment,
    ):
        application = Application(folder=folder, environment=environment)
        try:
            application.manage("install")
            application.start("web", "worker", "beat")
            walk = Walk(application, letters=letters, reports=reports)
            walk.go()
            yield walk
        finally:
            application.close()


def recorded(walk) -> list[tuple[str, str, dict]]:
    with psycopg.connect(walk.application.environment["DATABASE_URL"]) as database:
        rows = database.execute("SELECT event_type, actor_id, context FROM outbox_event ORDER BY id").fetchall()
    return [(event_type, actor_id, json.loads(context)) for event_type, actor_id, context in rows]


def test_the_document_tells_the_truth(walk):
    assert len(walk.printed) == len(walk.steps)
    mismatches = [step.mismatch(printed) for step, printed in zip(walk.steps, walk.printed, strict=True)]
    assert not "\n\n".join(filter(None, mismatches))


def test_every_step_of_that_life_is_an_event(walk):
    happened = Counter(event_type for event_type, _, _ in recorded(walk))
    print(happened)
