"""INSERT … VALUES and INSERT … FORMAT: the statements whose rows come apart from them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from devstack.clickhouse.errors import NOT_IMPLEMENTED, ServerError
from devstack.clickhouse.lexer import Token, tokens

_NAME: Final = r"(?:`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"|[A-Za-z_]\w*)"
_COLUMN: Final = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*(?:,|$)", re.DOTALL)
_SELECTS: Final = frozenset({"SELECT", "WITH", "FROM", "WATCH"})


@dataclass(frozen=True, slots=True)
class Insert:
    """`head` ends before SETTINGS and VALUES; `columns` is the text in the brackets; `inline` is data after VALUES."""

    head: str
    target: str
    columns: str | None
    settings: str
    data_format: str
    inline: str

    @property
    def column_names(self) -> list[str] | None:
        """The columns as the table names them; nothing if the list is missing or says more than names."""
        if self.columns is None:
            return None
        names: list[str] = []
        position = 0
        while position < len(self.columns):
            match = _COLUMN.match(self.columns, position)
            if match is None:
                return None
            names.append(".".join(_unquoted(part) for part in re.findall(_NAME, match[1])))
            position = match.end()
        return names


def parse_insert(sql: str) -> Insert | None:
    """The parts of an INSERT that brings its rows; nothing if it selects them, or leaves them out."""
    read: list[Token] = []
    for token in tokens(sql):
        read.append(token)
        if read[0].upper != "INSERT":
            return None
        if token.depth or token.kind != "word":
            continue
        if token.upper in _SELECTS and _target_end(read) < len(read):
            _refuse_infile(sql, token)
            return None
        if token.upper in {"VALUES", "FORMAT"} and _target_end(read) < len(read):
            return _parts(sql, read)
    return None


def _target_end(read: list[Token]) -> int:
    """How many tokens there are up to the table's name (or the table function's brackets)."""
    index = 1
    while index < len(read) and read[index].upper in {"INTO", "TABLE"}:
        index += 1
    if index < len(read) and read[index].upper == "FUNCTION":
        return _closing(read, index + 2)
    index += 1
    while index + 1 < len(read) and read[index].upper == ".":
        index += 2
    return index


def _closing(read: list[Token], opening: int) -> int:
    """The index after the bracket that closes the one at `opening`."""
    return next(
        (
            index + 1
            for index in range(opening + 1, len(read))
            if read[index].upper == ")" and read[index].depth == read[opening].depth
        ),
        len(read),
    )


def _refuse_infile(sql: str, token: Token) -> None:
    following = next(_following(sql, token), None)
    if token.upper == "FROM" and following is not None and following.upper == "INFILE":
        raise ServerError(NOT_IMPLEMENTED, "DB::Exception: FROM INFILE is for the client to carry out")


def _following(sql: str, token: Token) -> Iterator[Token]:
    return (other for other in tokens(sql) if other.start > token.start)


def _parts(sql: str, read: list[Token]) -> Insert:
    target_end, data = _target_end(read), read[-1]
    settings = next((token.start for token in read[target_end:] if token.upper == "SETTINGS"), data.start)
    data_format, data_start = _format(sql, data)
    return Insert(
        head=sql[:settings],
        target=_target(sql, read[:target_end]),
        columns=_columns(sql, read, target_end),
        settings=sql[settings : data.start],
        data_format=data_format,
        inline=_inline(sql[data_start:]),
    )


def _target(sql: str, read: list[Token]) -> str:
    words = [token for token in read[1:] if token.upper not in {"INTO", "TABLE", "FUNCTION"}]
    return sql[words[0].start : words[-1].end]


def _columns(sql: str, read: list[Token], opening: int) -> str | None:
    if read[opening].upper != "(":
        return None
    return sql[read[opening].end : read[_closing(read, opening) - 1].start].strip()


def _format(sql: str, data: Token) -> tuple[str, int]:
    """The format of the data after the statement, and where the data begin."""
    if data.upper == "VALUES":
        return "Values", data.end
    name = next(_following(sql, data), None)
    return (sql[name.start : name.end], name.end) if name else ("Native", len(sql))


def _inline(rest: str) -> str:
    if not rest.strip(" \t\r\n;"):
        return ""
    return re.sub(r"\A[ \t;]*\r?\n?", "", rest)


def _unquoted(name: str) -> str:
    if name[0] not in '`"':
        return name
    quote = name[0]
    return re.sub(r"\\(.)", r"\1", name[1:-1].replace(quote * 2, quote), flags=re.DOTALL)
