"""The bench runs, at sizes that measure nothing: so it cannot rot between the times when somebody asks for figures."""

import re
import subprocess
import sys

import pytest

from tests.acceptance.conftest import SOURCE, own_databases

# A part of each kind: contestants, Celery, sealing, web servers, use cases. The others are made of the same pieces.
FIRST = ["relay", "visibility", "sealing", "api"]
LATER = ["recording"]


@pytest.fixture
def measure(tmp_path):
    with own_databases(redis_db=8) as own:
        redis = re.sub(r"/\d+$", f"/{own['ACCEPTANCE_REDIS_DB']}", own["REDIS_URL"])
        environment = {**own, "REDIS_URL": redis, "PYTHONPATH": str(SOURCE)}

        def run(*parts: str) -> str:
            only = [word for part in parts for word in ("--only", part)]
            command = [sys.executable, "-m", "bench", "--form", "tiny", "--output", str(tmp_path), *only]
            ran = subprocess.run(
                command, cwd=SOURCE.parent, env=environment, capture_output=True, text=True, check=False, timeout=500
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
            return (tmp_path / "results.md").read_text()

        yield run


@pytest.mark.slow
def test_it_measures_and_a_later_run_keeps_what_an_earlier_one_has_found(measure, tmp_path):
    measure(*FIRST)
    written = measure(*LATER)
    assert sorted(re.findall(r"^## (\w+)$", written, re.MULTILINE)) == sorted(["Goals", *FIRST, *LATER])
    assert "**Failed" not in written
    for plot in re.findall(r"\((plots/\w+\.png)\)", written):
        assert (tmp_path / plot).read_bytes().startswith(b"\x89PNG")
