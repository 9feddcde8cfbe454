"""docs/security.md names tests: they are there."""

import re

from core.settings.environment import SOURCE, declared

DOCUMENT = (SOURCE.parent / "docs" / "security.md").read_text()


def test_every_test_that_the_table_names_exists():
    named = re.findall(r"`((?:unit|integration|acceptance|contracts)/[\w/]+\.py)`", DOCUMENT)
    assert len(named) > 20
    assert [name for name in named if not (SOURCE / "tests" / name).is_file()] == []


def test_every_requirement_names_a_test():
    rows = re.findall(r"^\| (?!requirement|---|\*\*)(.+?) \| (.+?) \| (.*?) \|$", DOCUMENT, re.MULTILINE)
    assert len(rows) > 20
    assert [requirement for requirement, _, test in rows if ".py" not in test] == []


def test_every_variable_that_it_names_is_declared():
    named = set(re.findall(r"`((?:THROTTLE|HASHING|HSTS|HTTPS|TRUSTED|CORS|IDEMPOTENCY)_[A-Z_]+)`", DOCUMENT))
    assert named
    assert named <= set(declared)
