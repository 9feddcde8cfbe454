"""The outbox's SQL: one statement a file, its purpose in the first line."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of `<name>.sql`. Parameters are psycopg's: `%(name)s`."""
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
