"""The ClickHouse store's SQL: one statement a file, its purpose in the first line."""

from functools import cache
from importlib.resources import files
from string import Template


def statement(name: str, **values: str) -> str:
    """The text of `<name>.sql` with its `${placeholders}` filled in, as they are: quote what needs it."""
    return _template(name).substitute(values)


def identifier(name: str) -> str:
    """A name as SQL has it."""
    return f"`{_escaped(name, '`')}`"


def literal(text: str) -> str:
    """A string as SQL has it."""
    return f"'{_escaped(text, "'")}'"


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
