"""A document whose commands are run: each `sh` block, and the block after it that shows what it prints."""

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Step:
    """Commands, and what they print if the document shows it; … stands for anything within a line."""

    heading: str
    commands: str
    shown: str | None

    def mismatch(self, printed: str) -> str:
        """What differs, or nothing."""
        if self.shown is None:
            return ""
        shown, found = self.shown.strip("\n").splitlines(), printed.strip("\n").splitlines()
        if len(shown) == len(found) and all(map(_fits, shown, found)):
            return ""
        return f"{self.heading}: printed\n{printed}\nwhere the document shows\n{self.shown}"


def steps(path: Path) -> list[Step]:
    text = path.read_text()
    blocks = list(_BLOCK.finditer(text))
    found = []
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block[1] == "sh":
            between = text[block.end() : following.start()] if following else "?"
            shown = following[2] if following and not between.strip() and following[1] != "sh" else None
            found.append(Step(heading=_heading(text[: block.start()]), commands=block[2], shown=shown))
    return found


def _heading(before: str) -> str:
    return re.findall(r"^#+ (.*)$", before, re.MULTILINE)[-1]


def _fits(shown: str, found: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in shown.split("…"))
    return re.fullmatch(pattern, found) is not None
