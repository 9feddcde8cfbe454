"""What production is made of: locked by hash, under licences that bind nobody, watched for faults; and CI's files."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from tests.production.paths import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-audit.lock"])
def test_every_package_is_locked_by_hash_and_no_index_is_named(lock):
    text = (ROOT / lock).read_text()
    packages = re.findall(r"^[a-zA-Z0-9_.-]+(?:\[[\w,-]+\])?==[^\n]*(?:\n    [^\n]+)*", text, re.MULTILINE)
    assert len(packages) > 30
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in text


def licences(tmp_path, *components):
    document = tmp_path / "sbom.json"
    document.write_text(json.dumps({"components": [{"version": "1", **component} for component in components]}))
    return subprocess.run(
        [sys.executable, ROOT / "bin" / "licences", document], capture_output=True, text=True, check=False
    )


def test_licences_that_bind_nobody_pass(tmp_path):
    shown = licences(
        tmp_path, {"name": "a", "licenses": [{"license": {"id": "MIT"}}]},
        {"name": "b", "licenses": [{"expression": "LGPL-3.0-only"}]}, {"name": "protobuf"},
    )  # fmt: skip
    assert shown.returncode == 0, shown.stdout
    assert "3 components, 0 with a licence to look at" in shown.stdout


@pytest.mark.parametrize(
    "component",
    [{"name": "a"}, {"name": "a", "licenses": [{"expression": "AGPL-3.0-only"}]},
     {"name": "a", "licenses": [{"license": {"id": "GPL-3.0-only"}}]}],
)  # fmt: skip
def test_a_licence_that_binds_us_or_none_at_all_is_shown_and_fails(tmp_path, component):
    shown = licences(tmp_path, component)
    assert shown.returncode == 1
    assert shown.stdout.startswith("!! a ")


def test_ci_runs_what_developers_run_and_starts_the_whole_stack():
    ran = [step["run"] for step in STEPS if "run" in step]
    assert (ROOT / ".ci" / "run").read_text().endswith("exec make check\n")
    for command in ("sh .ci/run", "make up", "sh bin/smoke", "make audit"):
        assert command in ran
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in WORKFLOW["jobs"].values())


def test_ci_uses_nobodys_actions_but_githubs_own_by_their_commits():
    used = re.findall(r"uses: (.+)", (ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert len(used) == sum("uses" in step for step in STEPS) > 0
    wrong = [action for action in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)]
    assert wrong == []


def test_newer_versions_are_proposed_for_all_that_is_pinned():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {each["package-ecosystem"] for each in updates} == {"pip", "docker", "docker-compose", "github-actions"}


def test_no_version_is_proposed_that_a_volume_in_use_does_not_survive():
    (updates,) = (
        each
        for each in yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
        if each["package-ecosystem"] == "docker-compose"
    )
    ignored = {each["dependency-name"]: set(each["update-types"]) for each in updates["ignore"]}
    assert "version-update:semver-major" in ignored["postgres"]
    assert ignored["clickhouse/clickhouse-server"] == {"version-update:semver-major", "version-update:semver-minor"}


@pytest.mark.parametrize("script", ["audit", "secrets", "setup", "smoke"])
def test_a_script_is_sound_shell(script):
    checked = subprocess.run(["sh", "-n", ROOT / "bin" / script], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(("pending", "status"), [(0, 0), (3, 1)])
def test_the_smoke_test_fails_while_something_is_undelivered_and_asks_for_its_own_event(tmp_path, pending, status):
    answer = f'case "$*" in *--json*) echo \'{{"pending_events": {pending}}}\';; esac'
    for program, does in {"curl": "", "sleep": "", "docker": f'echo "$@" >> {tmp_path}/asked\n{answer}'}.items():
        (tmp_path / program).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / program).chmod(0o755)
    done = subprocess.run(
        ["sh", ROOT / "bin" / "smoke"], capture_output=True, text=True, check=False,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == status
    asked = (tmp_path / "asked").read_text()
    assert bool(re.search(r"--param_email=smoke-\S+@example.com .*count\(\) != 1", asked)) is (status == 0)
