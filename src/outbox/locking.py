"""Table locks that are waited for only so long: whoever waits for one keeps everybody behind it waiting."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.utils import OperationalError
from psycopg.errors import LockNotAvailable

from kit.errors import DomainError


@contextmanager
def patient_transaction(*, seconds: float) -> Iterator[None]:
    """A transaction in which no lock is waited for any longer. Raises LockRefused; then nothing was done."""
    try:
        with transaction.atomic(durable=True):
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{round(seconds * 1000)}ms"])
            yield
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise LockRefused(seconds=seconds) from error


class LockRefused(DomainError):
    """Another session holds the lock and did not give it up within {seconds} s; try again."""
