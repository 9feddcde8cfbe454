"""README.ru.md says what README.md says: the same headings, commands, variables, code and links."""

import re
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
BOTH = {name: (ROOT / name).read_text() for name in ("README.md", "README.ru.md")}


def outside_of_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def headings(text: str) -> list[str]:
    """How deep each heading is, in their order."""
    return re.findall(r"^(#+) ", outside_of_code(text), re.MULTILINE)


def code(text: str) -> list[tuple[str, str]]:
    """Every block that is run or read by machines, less its comments."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(language, re.sub(r"\s*#.*", "", body)) for language, body in blocks]


def rows(text: str) -> list[list[str]]:
    """The quoted words in the first cell of each row of each table: commands, calls, variables, rooms."""
    cells = re.findall(r"^\| (`.*?) \|", outside_of_code(text), re.MULTILINE)
    return [re.findall(r"`([^`]+)`", cell) for cell in cells]


def variables(text: str) -> dict[str, str]:
    """The default of each variable that has one."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| [^|]+ \| `([^|]*)` \|", text, re.MULTILINE))


def links(text: str) -> set[str]:
    return set(re.findall(r"\]\(([^)]+)\)", text)) - set(BOTH)


def quoted(text: str) -> set[str]:
    """Commands and names in running text."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^\|.*$", "", outside_of_code(text), flags=re.MULTILINE)))


@pytest.mark.parametrize("look", [headings, code, rows, variables, links, quoted], ids=lambda look: look.__name__)
def test_the_translation_agrees(look):
    ours, theirs = (look(BOTH[name]) for name in BOTH)
    if isinstance(ours, list):
        for number, (mine, its) in enumerate(zip_longest(ours, theirs)):
            assert mine == its, f"{look.__name__} number {number}"
    assert ours == theirs


def test_there_is_something_to_compare():
    english = BOTH["README.md"]
    assert len(headings(english)) > 5
    assert len(code(english)) > 3
    assert len(rows(english)) > 50
    assert len(variables(english)) > 30
    assert any("docs/" in link for link in links(english))
    assert any("make chaos" in words for words in quoted(english))


@pytest.mark.parametrize("name", BOTH)
def test_its_links_lead_somewhere(name):
    for link in links(BOTH[name]):
        assert link.startswith("https://") or (ROOT / link.partition("#")[0]).exists(), link
