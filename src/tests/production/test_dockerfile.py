"""docker/Dockerfile: hadolint finds nothing, and what goes in is what production needs."""

import re
import subprocess
import sys
from pathlib import Path

from tests.production.paths import DOCKERFILE, ROOT

TEXT = DOCKERFILE.read_text()
# Each instruction on one line.
INSTRUCTIONS = [
    each.strip() for each in re.sub(r"\\\n", " ", TEXT).splitlines() if each.strip() and not each.startswith("#")
]
SECOND_STAGE = [number for number, each in enumerate(INSTRUCTIONS) if each.startswith("FROM ")][1]
BUILD, FINAL = INSTRUCTIONS[:SECOND_STAGE], INSTRUCTIONS[SECOND_STAGE:]


def of(kind: str, *, within: list[str]) -> list[str]:
    return [each.removeprefix(f"{kind} ") for each in within if each.startswith(f"{kind} ")]


def lint(file: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("hadolint")
    return subprocess.run([program, "--failure-threshold", "style", file], capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing():
    linted = lint(DOCKERFILE)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_hadolint_would_find_something(tmp_path):
    careless = tmp_path / "Dockerfile"
    careless.write_text("FROM python\nRUN cd / && apt-get install curl\nCMD python\n")
    assert lint(careless).returncode != 0


def test_there_are_two_stages_and_the_second_takes_only_what_the_first_has_made():
    assert of("ARG", within=BUILD)[0] == "PYTHON=python:3.13-slim"
    copied = of("COPY", within=FINAL)
    assert len(copied) == 3
    assert all(each.startswith("--from=build ") for each in copied)
    assert of("ADD", within=INSTRUCTIONS) == []


def test_the_base_has_the_version_of_python_that_we_test_with():
    assert (ROOT / ".python-version").read_text().strip() == "3.13"


def test_packages_are_checked_by_their_hashes_compiled_nowhere_and_cached():
    (install,) = [each for each in of("RUN", within=BUILD) if "pip" in each]
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install
    assert "--mount=type=cache" in install
    assert "-r requirements.lock" in install


def test_packages_are_not_installed_anew_because_the_source_has_changed():
    assert BUILD.index("COPY requirements.lock .") < BUILD.index("COPY src src")


def test_it_runs_as_somebody_without_a_name_a_home_or_a_shell():
    assert of("USER", within=FINAL) == ["10001:10001"]
    (created,) = of("RUN", within=FINAL)
    assert "--no-create-home" in created
    assert "/usr/sbin/nologin" in created


def test_signals_reach_the_process_and_health_is_asked():
    assert [each[0] for each in of("CMD", within=FINAL)] == ["["]
    assert of("ENTRYPOINT", within=FINAL) == []
    (check,) = of("HEALTHCHECK", within=FINAL)
    assert "CMD [" in check
    assert "/livez" in check


def test_it_says_what_it_is():
    labels = " ".join(of("LABEL", within=FINAL))
    for name in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in labels
    assert "RELEASE=${REVISION}" in " ".join(of("ENV", within=FINAL))


def test_no_secret_and_no_debugging_is_built_in():
    assert re.findall(r"(?:ENV|ARG) [^\n]*(?:SECRET|PASSWORD|TOKEN|DEBUG)", "\n".join(INSTRUCTIONS)) == []


def test_the_builder_gets_the_source_and_the_lock_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    assert {line for line in lines if line.startswith("!")} == {"!requirements.lock", "!src"}
    assert {"src/devstack", "src/tests", "src/core/.env", "**/__pycache__"} <= set(lines)
