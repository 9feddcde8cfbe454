"""The ClickHouse store's SQL: one statement a file, its purpose in the first line."""

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def statement(name: str, **values: str) -> str:
    """The text of `<name>.sql` with its `${placeholders}` filled in, as they are: quote what needs it."""
    return _template(name).substitute(values)


def identifier(name: str) -> str:
    """A name as SQL has it."""
    return f"`{_escaped(name, '`')}`"


def literal(text: str) -> str:
    """A string as SQL has it."""
    return f"'{_escaped(text, "'")}'"


def moment(at: datetime) -> str:
    """A time as SQL has it, to the microsecond."""
    # Not by way of timestamp(), a float, which loses the last microsecond.
    return f"fromUnixTimestamp64Micro({(at - _EPOCH) // timedelta(microseconds=1)}, 'UTC')"


def without_purpose(text: str) -> str:
    """The statement less the comment on top, because not every server looks behind a comment for the verb."""
    lines = text.splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if not line.startswith("--"))
    return "".join(lines[first:])


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, "\\" + quote)


@cache
def _template(name: str) -> Template:
    return Template(without_purpose(files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")))
