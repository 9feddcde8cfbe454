"""What PostgreSQL's roles may do is decided for each table of ours (tests/production tries it on the server)."""

import re

from django.apps import apps

from core import roles
from core.settings.environment import SOURCE


def test_every_model_has_a_line():
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert tables - roles.APPLICATION.keys() == set(), "say in core/roles.py what the application may do with it"


def test_what_a_statement_of_the_ledger_changes_may_be_changed():
    granted = set(re.findall(r"\w+", re.search(r"UPDATE \((.+)\)", roles.APPLICATION["outbox_batch"])[1]))
    statements = "".join(path.read_text() for path in (SOURCE / "outbox" / "sql").glob("*.sql"))
    changed = set()
    for assignments in re.findall(
        r"UPDATE outbox_batch(?: AS \w+)?\s+SET(.+?)\s(?:FROM|WHERE) ", statements, re.DOTALL
    ):
        changed |= set(re.findall(r"(?:^|,)\s*(\w+) = ", assignments, re.MULTILINE))
    assert changed == granted


def test_an_event_can_be_changed_by_nobody():
    for rights in (roles.APPLICATION, roles.READER):
        assert not re.search("UPDATE|DELETE", rights["outbox_event"] + rights.get("partition of outbox_event", ""))
        assert not re.search("DELETE|UPDATE(?! .quarantined_at.)", rights["outbox_quarantine"])
