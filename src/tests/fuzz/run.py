"""One run of schemathesis against a server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import Application, own_databases

_HERE = Path(__file__).resolve().parent
_ENVIRONMENT = {
    # Throttles are there to stop just this: a thousand requests a minute from one address. They have their own tests.
    "THROTTLES": "false",
    "LOG_LEVEL": "WARNING",
    # Somebody with every permission, for the operations that need one.
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    "DJANGO_SUPERUSER_PASSWORD": "a long way down",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    cases: int
    failures: int
    output: str
    report: dict[str, Any]


@contextmanager
def served(folder: Path) -> Iterator[Application]:
    """The web server on databases of its own: what is made there would get into other tests' way."""
    with own_databases(redis_db=11, **_ENVIRONMENT) as environment:
        application = Application(folder=folder, environment=environment)
        try:
            application.manage("install")
            application.start("web")
            application.register("ada@example.com")  # so that the document's example of a login is a good one
            yield application
        finally:
            application.close()


def fuzz(application: Application, *, seed: int, examples: int, phases: str = "", deterministic: bool = False) -> Run:
    """Send requests: of each operation at most so many that are random, and so many lives of an account."""
    report = application.folder / "fuzz.json"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), f"--config-file={_HERE / 'schemathesis.toml'}", "run",
        f"http://127.0.0.1:{application.port}/api/schema/", f"--seed={seed}", f"--max-examples={examples}",
        "--checks=all", "--continue-on-failure", "--report=json", f"--report-json-path={report}", "--no-color",
        *([f"--phases={phases}"] if phases else []), *(["--generation-deterministic"] if deterministic else []),
    ]  # fmt: skip
    environment = {
        **application.environment,
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "FUZZ_URL": f"http://127.0.0.1:{application.port}",
    }
    ended = subprocess.run(
        command, env=environment, cwd=application.folder, capture_output=True, text=True, check=False
    )
    output = ended.stdout + ended.stderr
    assert report.exists(), output
    found = json.loads(report.read_text())
    failures = len(found["failures"]) + len(found["errors"])
    assert bool(failures) == bool(ended.returncode), output
    return Run(cases=found["test_cases"]["generated"], failures=failures, output=output, report=found)
