"""Takes the events' own data out of what ClickHouse says about it: passwords may be among it, addresses are."""

import re

# Nothing behind these is anything but data: the row that violates a constraint.
_ONLY_DATA_BEHIND = "Column values:"
# ClickHouse does not escape everything it quotes, so a quote within a word ends nothing.
_QUOTED = re.compile(
    r"""
    '(?:[^'\\]|\\.|'(?=\w))*(?:'|$)
    | "(?:[^"\\]|\\.|"(?=\w))*(?:"|$)
    """,
    re.VERBOSE | re.DOTALL,
)
# What it repeats without quoting it, between the words that it puts around it.
_BARE = [
    re.compile(
        r"(?<=Cannot parse )(?P<what>uuid|IPv[46]) (?:.*(?=: Cannot parse)|.*(?=: while executing)|.*)", re.DOTALL
    ),
    re.compile(r"(?P<what>\bhere:) (?:.*(?=: while executing)|.*)", re.DOTALL),
    re.compile(r"(?P<what>\bvalue) \(.*\)", re.DOTALL),
]


def without_data(said: str) -> str:
    """The message of a refusal with an ellipsis for each value in it."""
    said = said.partition("Stack trace:")[0].partition(_ONLY_DATA_BEHIND)[0]
    for bare in _BARE:
        said = bare.sub(r"\g<what> …", said)
    return _QUOTED.sub("'…'", said)
