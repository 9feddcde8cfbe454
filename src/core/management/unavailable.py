"""A database that is away, or does not let us in, is told in a line with exit code 3 and not in a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Turn what PostgreSQL cannot do now into a CommandError."""
    try:
        yield
    except OperationalError as error:
        reason = " ".join(str(error).split())
        raise CommandError(f"PostgreSQL cannot do this now: {reason}", returncode=3) from error
