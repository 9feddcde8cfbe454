import os
import shlex
import stat
import subprocess
from pathlib import Path

import environ
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack import environment, folder
from devstack.environment import NotRunning, Unquotable

# What can stand in a process's environment: no NUL. Line breaks have a test of their own.
one_line = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
tricky = st.text("'\"$`\\ #ab=![]{}~*?;&|<>()\t", max_size=12)
ADDRESSES = {"DATABASE_URL": "postgres://app@127.0.0.1:1/app", "CLICKHOUSE_CLUSTER": ""}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DEBUG",
        "ENVIRONMENT",
        "PORT",
        "SECRET_KEY",
        "ALLOWED_HOSTS",
        "LOG_FORMAT",
        "DATABASE_URL",
        "HTTPS_ONLY",
        "THROTTLES",
    ):
        monkeypatch.delenv(name, raising=False)


def test_a_shell_and_django_environ_read_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "EMPTY": "",
        "HOSTS": "localhost,127.0.0.1,[::1]",
        "DOLLAR": "a$HOME`id`",
        "QUOTES": """it's "so" \\ $x""",
        "QUOTED": '"all of it"',
        "HASH": "a #b",
        "TRAILING": "a\\",
        "SPACES": "  a  ",
        "NEWLINE_ESCAPE": "it's \\n two characters",
        "CAFÉ".encode("ascii", "ignore").decode(): "café",
    }
    path = environment.write(tmp_path, values)
    said = subprocess.run(
        ["sh", "-c", f"set -a; . {shlex.quote(str(path))}; exec env -0"],
        capture_output=True,
        text=True,
        check=True,
        env={},
    ).stdout
    in_shell = dict(pair.split("=", 1) for pair in said.split("\0") if pair)
    assert {name: in_shell.get(name) for name in values} == values
    in_django: dict[str, str] = {}
    monkeypatch.setattr(environ.Env, "ENVIRON", in_django)
    environ.Env.read_env(path)
    assert in_django == values


@given(value=one_line | tricky)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_value_of_one_line_survives_the_file(value: str, tmp_path: Path) -> None:
    with folder.locked(tmp_path):
        environment.write(tmp_path, {"BEFORE": "1", "VALUE": value, "AFTER": "2"})
        assert environment.read(tmp_path) == {"BEFORE": "1", "VALUE": value, "AFTER": "2"}


@pytest.mark.parametrize("value", ["a\nb", "a\n", "\r", "a\u2028b"])
def test_a_line_break_is_refused(value: str) -> None:
    with pytest.raises(Unquotable):
        environment.quoted(value)


def test_the_file_is_nobody_elses_business(tmp_path: Path) -> None:
    assert stat.S_IMODE(environment.write(tmp_path, {}).stat().st_mode) == 0o600


def test_a_file_without_a_running_stack_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="no stack is running"):
        environment.read(tmp_path)
    with folder.locked(tmp_path):
        environment.write(tmp_path, ADDRESSES)
        assert environment.read(tmp_path) == ADDRESSES
    with pytest.raises(NotRunning, match="left behind by a stack that was killed"):
        environment.read(tmp_path)


def test_development_has_defaults_that_the_developers_own_environment_overrides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "_DOTENV", tmp_path / ".env")
    (tmp_path / ".env").write_text("# mine\nLOG_FORMAT=json\nexport ALLOWED_HOSTS=example.org\nDATABASE_URL=no\n")
    monkeypatch.setenv("DEBUG", "false")
    monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere")
    assert environment.for_development(ADDRESSES, secret_key="kept", port=8000) == {
        **ADDRESSES, "DEBUG": "false", "ENVIRONMENT": "development", "PORT": "8000", "SECRET_KEY": "kept",
        "EMAIL_URL": "consolemail://",
    }  # fmt: skip


def test_tests_run_as_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    assert environment.for_tests(ADDRESSES, secret_key="random") == {
        **ADDRESSES, "DEBUG": "false", "ENVIRONMENT": "test", "HTTPS_ONLY": "false", "THROTTLES": "false",
        "SECRET_KEY": "random", "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]", "LOG_FORMAT": "json",
        "REQUEST_IDS_BELIEVED": "true",
    }  # fmt: skip


def test_an_address_that_is_passed_over_is_mentioned_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.warn_of_unused(ADDRESSES)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hidden@production/db")
    environment.warn_of_unused(ADDRESSES)
    said = capsys.readouterr().err
    assert "DATABASE_URL of your environment is not used" in said
    assert "hidden" not in said
    assert os.environ["DATABASE_URL"].endswith("production/db")
