"""Every identifier that our code logs is explained in docs/observability.md, and nothing else is."""

import ast
import re
from collections.abc import Iterator

from core.settings.environment import SOURCE

ROOMS = ("core", "users", "event_log", "guards", "outbox", "events", "kit")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
LEVEL = "|".join(sorted(LEVELS - {"exception"}))
DOCUMENT = SOURCE.parent / "docs" / "observability.md"


def logged() -> Iterator[tuple[str, str]]:
    """Identifier and level of each call of a `log`'s method."""
    for room in ROOMS:
        for path in (SOURCE / room).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call) and (levels := re.findall(r"\blog\.(\w+)", ast.unparse(call.func))):
                    assert LEVELS.issuperset(levels), f"{path}:{call.lineno}"
                    identifier = ast.literal_eval(call.args[0])
                    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", identifier), f"{path}:{call.lineno}: {identifier!r}"
                    yield from ((identifier, "error" if level == "exception" else level) for level in levels)


def test_the_table_of_events_is_complete_and_true():
    rows = re.findall(rf"^\| `([a-z_]+)` \| ((?:{LEVEL})(?:, (?:{LEVEL}))*) \|", DOCUMENT.read_text(), re.MULTILINE)
    documented = {(identifier, level) for identifier, levels in rows for level in levels.split(", ")}
    assert documented == set(logged())
    assert [identifier for identifier, _ in rows] == sorted(identifier for identifier, _ in rows)
