"""Writing letters: a row in the caller's transaction, so a letter is sent if and only if that commits."""

from functools import partial

from django.db import connection, transaction

from guards.attempts import remember_written, was_written_of_late
from kit.errors import DomainError
from users.letters.nudge import nudge
from users.models import Letter, User


def write(kind: Letter.Kind, *, address: str, user: User | None = None, on_demand: bool = False) -> None:
    """Have a letter sent; to whoever has the address, if no user is named. Raises NoTransaction.

    What anybody may demand is written once in a few minutes, and nobody is told: else many together could fill a
    letter-box, or a limit on them keep the owner from a letter.
    """
    if not connection.in_atomic_block:
        raise NoTransaction
    if on_demand:
        if was_written_of_late(kind, address):
            return
        transaction.on_commit(partial(remember_written, kind, address))  # what is rolled back was never written
    Letter.objects.bulk_create([Letter(kind=kind, user=user, address=address)], ignore_conflicts=True)
    transaction.on_commit(nudge, robust=True)


class NoTransaction(DomainError):
    """A letter must be written inside the `with transaction.atomic():` block that makes the change it tells about."""
