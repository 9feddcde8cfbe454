"""What a statement asks of the server: rows to stream, data to take in, or something to run.

The native protocol answers every statement in blocks and knows one statement per query; the engine's own front end is
that of a command line tool, which obeys FORMAT, INTO OUTFILE, several statements and `exit`. The differences end here.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from devstack.clickhouse.errors import NOT_IMPLEMENTED, SYNTAX_ERROR, ServerError
from devstack.clickhouse.insert_statement import Insert, parse_insert
from devstack.clickhouse.lexer import Token, tokens

STREAMED: Final = frozenset({"SELECT", "WITH", "FROM", "("})
ANSWERED: Final = STREAMED | {"SHOW", "DESC", "DESCRIBE", "EXPLAIN", "EXISTS", "CHECK", "KILL"}
FATAL: Final = (["SYSTEM", "SHUTDOWN"], ["SYSTEM", "KILL"])
COMMANDS_OF_THE_TOOL: Final = frozenset({"EXIT", "QUIT", "LOGOUT", "Q"})


@dataclass(frozen=True, slots=True)
class Rows:
    """A SELECT: its rows are streamed."""

    sql: str


@dataclass(frozen=True, slots=True)
class Command:
    """Anything that runs at once; `answers` says that it has columns even without rows, `sets` that it is a SET."""

    sql: str
    answers: bool = False
    sets: bool = False
    kills: bool = False


type Statement = Rows | Command | Insert


def parse(sql: str) -> Statement:
    """The statement of a query; raises ServerError for what a ClickHouse server refuses, too."""
    if insert := parse_insert(sql):
        return insert
    sql, words = _single(sql, list(tokens(sql)))
    if not words:
        raise ServerError(SYNTAX_ERROR, "DB::Exception: Syntax error: Empty query")
    first = words[0]
    top = {word.upper for word in words if word.depth == 0 and word.kind == "word"}
    if first.upper in ANSWERED:
        _refuse_what_loses_rows(words, top)
        sql = _without_format(sql, words)
    if first.upper in STREAMED and "INSERT" not in top:
        return Rows(sql)
    if [word.upper for word in words[:2]] in FATAL:
        # The engine would send the signal to its whole process group, whoever else is in it.
        raise ServerError(NOT_IMPLEMENTED, "DB::Exception: devstack is not ended by a statement: stop its process")
    if first.upper in COMMANDS_OF_THE_TOOL:
        return Command(f"/**/ {sql}")
    return Command(
        sql,
        answers=first.upper in ANSWERED - STREAMED - {"KILL"},
        sets=first.upper == "SET",
        kills=first.upper == "KILL",
    )


def _single(sql: str, words: list[Token]) -> tuple[str, list[Token]]:
    """The one statement of the text without its semicolon."""
    end = next((index for index, word in enumerate(words) if word.upper == ";"), None)
    if end is None:
        return sql, words
    if any(word.upper != ";" for word in words[end:]):
        position = words[end].start + 1
        message = f"DB::Exception: Syntax error (Multi-statements are not allowed): failed at position {position}"
        raise ServerError(SYNTAX_ERROR, message)
    return sql[: words[end].start], words[:end]


def _refuse_what_loses_rows(words: list[Token], top: set[str]) -> None:
    if {"INTO", "OUTFILE"} <= top:
        raise ServerError(NOT_IMPLEMENTED, "DB::Exception: INTO OUTFILE is for the client to carry out")
    if any(word.upper == "TOTALS" and before.upper == "WITH" for before, word in pairwise(words)):
        raise ServerError(NOT_IMPLEMENTED, "DB::Exception: devstack does not send the row of WITH TOTALS")


def _without_format(sql: str, words: list[Token]) -> str:
    """The format of the answer is the client's business: blocks are blocks."""
    for index, word in enumerate(words[1:-1], start=1):
        after = words[index + 2] if index + 2 < len(words) else None
        ends = after is None or after.upper == "SETTINGS"
        if word.upper == "FORMAT" and word.depth == 0 and words[index + 1].kind == "word" and ends:
            return sql[: word.start] + sql[words[index + 1].end :]
    return sql
