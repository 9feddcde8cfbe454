"""docs/operations.md: what it tells to type exists, and every alert leads to what is to be done."""

import re
import shlex

import pytest
import yaml
from django.apps import apps
from django.core.management import get_commands, load_command_class

from core import roles
from core.postgresql.schema import LOCK_TIMEOUT
from core.settings.environment import declared
from tests.production.paths import COMPOSE, ROOT, SERVICES

RUNBOOK = (ROOT / "docs" / "operations.md").read_text()
HEADINGS = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)}  # fmt: skip
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "docs" / "monitoring" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
# What stands in a block, or between backticks, where a line break is a space.
BLOCKS = re.sub(r"\\\n *", "", "".join(re.findall(r"```sh\n(.*?)```", RUNBOOK, re.DOTALL))).splitlines()
BETWEEN_BACKTICKS = re.findall(r"(?<!`)`([^`]+)`(?!`)", RUNBOOK)
TYPED = [line.split(" # ")[0].strip() for line in BLOCKS] + [typed.replace("\n", " ") for typed in BETWEEN_BACKTICKS]
MANAGED = {
    found[1]
    for typed in TYPED
    if (found := re.search(r"^(?:.*manage\.py |manage )?((?:outbox [a-z]|migrate_|createsuperuser|check ).*)$", typed))
}
COMPOSED = {part for line in TYPED for part in re.split(r" && ", line) if part.startswith("docker compose ")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_its_meaning_and_to_what_is_to_be_done(rule):
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"
    (text,) = re.findall(rf"^### {rule['alert']}\n\n(.+?)(?=^#)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert len(text) > 100


def test_no_alert_is_told_of_that_does_not_exist():
    told = re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE)
    assert sorted(told) == sorted(rule["alert"] for rule in RULES)


def test_a_line_fits_on_a_screen():
    assert [line for line in RUNBOOK.splitlines() if len(line) > 120] == []


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", RUNBOOK):
        file, _, heading = target.partition("#")
        assert not heading or file or heading in HEADINGS, target
        assert not file or (ROOT / "docs" / file).exists(), target


@pytest.mark.parametrize("line", sorted(MANAGED))
def test_a_management_command_is_taken(line):
    words = shlex.split(line.replace("…", ""))
    command = load_command_class(get_commands()[words[0]], words[0])
    command.create_parser("manage.py", words[0]).parse_args([word for word in words[1:] if not word.startswith("[")])


def test_there_are_management_commands():
    assert len(MANAGED) > 10


@pytest.mark.parametrize("line", sorted(COMPOSED))
def test_compose_knows_the_service(line):
    words = shlex.split(line)
    named = {word for word in words[2:] if word.partition(":")[0] in SERVICES}
    assert (
        named
        or "down" in words
        or {"ps", "build"} & set(words)
        or re.search(r"up --(build )?(--)?detach --wait$|up --build --detach --wait|--profile", line)
    ), line


def test_the_way_back_starts_an_image_that_is_still_there_and_not_the_old_migrate():
    (section,) = re.findall(
        r"^\*\*Back to the release before\.\*\*.+?```sh\n(.+?)```", RUNBOOK, re.MULTILINE | re.DOTALL
    )
    assert section == "docker compose up --detach --wait --no-deps --no-build worker beat web\n"
    assert all("${TAG" in SERVICES[name]["image"] for name in ("web", "worker", "beat"))


def test_a_restore_destroys_nothing_and_nobody_works_meanwhile():
    (section,) = re.findall(r"^## Back up and restore\n(.+?)^## ", RUNBOOK, re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"```sh\n(.+?)```", section, re.DOTALL)
    (of_postgresql,) = (block for block in blocks if "pg_restore" in block)
    (of_clickhouse,) = (block for block in blocks if "RESTORE DATABASE" in block)
    assert of_postgresql.startswith("docker compose stop web worker beat\n")
    assert of_clickhouse.startswith("docker compose stop worker beat\n")
    assert of_postgresql.index("RENAME TO app_before") < of_postgresql.index("pg_restore --username")
    assert of_clickhouse.index("RENAME DATABASE die_hard TO") < of_clickhouse.index("RESTORE DATABASE")
    assert not re.search(r"--clean|DROP", of_postgresql + of_clickhouse)


def test_nobody_is_told_to_wait_longer_for_a_lock_than_migrate_does():
    assert "half a second" in RUNBOOK
    assert LOCK_TIMEOUT == "500ms"
    assert not re.search(r"SET (LOCAL )?lock_timeout", RUNBOOK)


def test_after_a_logical_replication_all_sequences_are_set_but_the_outboxs_which_may_not_go_back():
    (line,) = (line for line in BLOCKS if line.startswith("manage sqlsequencereset "))
    typed, _, read_by = line.partition(" | ")
    assert read_by == "docker compose exec -T postgres psql --username=postgres app"
    numbered = {model._meta.app_label for model in apps.get_models(include_auto_created=True) if model._meta.auto_field}
    assert set(typed.split()[2:]) == numbered
    assert "outbox" not in numbered


def test_every_variable_is_known():
    named = set(re.findall(r"`((?:[A-Z]+_)+[A-Z]+)(?:=[^`]*)?`", RUNBOOK))
    compose = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yml").read_text()))
    assert named - declared.keys() - compose == {"SSL_CERT_FILE", "COMPOSE_PROFILES"}
    # They reach the containers: Compose names them, or hands on the whole file (test_compose).
    assert COMPOSE["x-app"]["env_file"] == [{"path": ".env", "required": False}]


def test_every_secret_of_compose_can_be_rotated_and_what_it_gives_away_is_said():
    (section,) = re.findall(r"^## Rotate secrets and keys\n(.+?)(?=^## )", RUNBOOK, re.MULTILINE | re.DOTALL)
    rotated, leaked = section.split("### If a secret has leaked")
    for secret in COMPOSE["secrets"]:
        told = re.escape(secret) if not secret.startswith("clickhouse_") else "clickhouse_…_password"
        assert re.search(rf"`{told}`", rotated), secret
        assert f"`{secret}`" in leaked, secret


def test_what_somebody_can_do_with_the_applications_password_is_what_it_may_do():
    said = " ".join(RUNBOOK.split())
    assert "truncate a whole slot" in said
    assert roles.APPLICATION["partition of outbox_event"] == "SELECT, TRUNCATE"
    assert "take batches out of the ledger" in said
    assert "DELETE" in roles.APPLICATION["outbox_batch"]


def test_a_drill_says_whether_it_was_tried():
    (section,) = re.findall(r"^## Drills\n(.+)", RUNBOOK, re.MULTILINE | re.DOTALL)
    drills = re.findall(r"^\*\*(.+?)\*\* (.+?)\n\n", section, re.MULTILINE | re.DOTALL)
    assert len(drills) >= 8
    for name, text in drills:
        assert re.search(r"\*Tried \d+ \w+ \d{4}\.\*|\*Untried\.\*", text.replace("\n", " ")), name
