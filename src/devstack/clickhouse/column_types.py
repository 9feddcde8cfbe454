"""Taking a column's type name apart: `Map(String, Array(UInt8))` -> ("Map", ("String", "Array(UInt8)"))."""

import re
from typing import Final

# What structures a list of arguments; a quoted text is one mark, so that nothing in it counts.
_MARK: Final = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|[(),]", re.DOTALL)
_ELEMENT_NAME: Final = re.compile(
    r"\s*(?:`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|[A-Za-z_][\w.]*)\s+(?=[A-Z])", re.DOTALL
)


def split_type(name: str) -> tuple[str, tuple[str, ...]]:
    """The type's family and its arguments as they are written."""
    family, bracket, rest = name.strip().partition("(")
    if not bracket:
        return family, ()
    return family.strip(), _split_arguments(rest.rstrip().removesuffix(")"))


def element_name(argument: str) -> str:
    """The name of a tuple's element, or nothing if it has none."""
    named = _ELEMENT_NAME.match(argument)
    return named[0].strip() if named else ""


def element_type(argument: str) -> str:
    """The type of a tuple's element, without its name."""
    named = _ELEMENT_NAME.match(argument)
    return argument[named.end() :].strip() if named else argument.strip()


def _split_arguments(inner: str) -> tuple[str, ...]:
    arguments: list[str] = []
    depth = start = 0
    for match in _MARK.finditer(inner):
        mark = match[0]
        depth += (mark == "(") - (mark == ")")
        if mark == "," and depth == 0:
            arguments.append(inner[start : match.start()].strip())
            start = match.end()
    last = inner[start:].strip()
    return (*arguments, last) if last else tuple(arguments)
