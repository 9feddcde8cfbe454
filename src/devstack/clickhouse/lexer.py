"""Cutting SQL into the few kinds of tokens one must tell apart to find a keyword that is no string, name or comment."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<blank>   \s+ | --[^\n]* | \#[!\ ][^\n]* | /\*.*?\*/ )
  | (?P<string>  '(?:[^'\\]|\\.|'')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
  | (?P<name>    `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" )
  | (?P<word>    [A-Za-z_][\w$]* )
  | (?P<other>   [0-9.,+*=<>!%?:]+ | . )
    """,
    re.DOTALL | re.VERBOSE,
)
_DEPTH: Final = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


@dataclass(frozen=True, slots=True)
class Token:
    """`upper` is the word in capitals, or the token as written; `depth` counts the brackets around it."""

    kind: str
    upper: str
    start: int
    end: int
    depth: int


def tokens(sql: str) -> Iterator[Token]:
    """The tokens that are no blanks or comments; a bracket has the depth of what stands around it."""
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind, written = match.lastgroup or "other", match[0]
        if kind == "blank":
            continue
        change = _DEPTH.get(written, 0)
        depth += min(change, 0)
        yield Token(kind, written.upper() if kind == "word" else written, match.start(), match.end(), depth)
        depth += max(change, 0)
