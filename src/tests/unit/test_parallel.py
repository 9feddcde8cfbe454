"""What goes to which process when the whole suite runs, and in what order."""

import re
from pathlib import Path

import pytest

from tests import parallel

ROOT = Path(__file__).resolve().parents[3]
MODULES = [str(path.relative_to(ROOT)) for path in (ROOT / "src" / "tests").rglob("test_*.py")]


@pytest.mark.parametrize("path", sorted({*parallel.TOGETHER, *parallel.LONGEST_FIRST}))
def test_what_is_named_is_there(path):
    assert [module for module in MODULES if re.search(path, module)]


def test_a_module_is_never_torn_apart_and_those_that_share_processes_stay_together():
    first, second = (f"src/tests/acceptance/test_{name}.py::test_it" for name in ("http", "journey"))
    assert parallel.unit_of(first) == parallel.unit_of(second)
    alone = "src/tests/unit/kit/test_text.py"
    assert parallel.unit_of(f"{alone}::test_a[x::y]") == parallel.unit_of(f"{alone}::TestB::test_c") == alone


def test_all_of_what_stays_together_has_one_place_in_the_order():
    places: dict[str, set[int]] = {}
    for module in MODULES:
        places.setdefault(parallel.unit_of(module), set()).add(parallel.place_of(module))
    assert [unit for unit, found in places.items() if len(found) > 1] == []
