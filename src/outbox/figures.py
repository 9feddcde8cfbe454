"""The outbox in figures that are cheap enough to be asked for every few seconds, whatever has piled up.

`outbox status` looks closer. What is asked here is bounded: by indexes that hold only what is not settled, by a limit,
and by a statement timeout. A look at the outbox must never hurt the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from outbox import query
from outbox.history import cursor, is_held

_COUNTED_AT_MOST = 100_000
_PATIENCE = "1s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Pending is what is committed and not in the store yet; ages are in seconds, 0 if there is nothing.

    `is_held` says that the database has moved and nothing is sealed until the event store has been asked. What waits
    for sealing is not counted meanwhile: only the whole ledger could tell, see `outbox status`.
    """

    pending_events: int
    pending_bytes: int
    oldest_pending_age: float
    unsealed_events: int
    oldest_unsealed_age: float
    sealed_batches: int
    batches_leased: int
    batches_in_doubt: int
    quarantined_events: int
    is_held: bool
    differences: int
    slots: Sequence[Mapping[str, Any]]


def figures() -> Figures:
    """The present figures. Raises OperationalError when the database cannot answer within its patience."""
    with transaction.atomic(durable=True):
        _be_modest()
        sealed = cursor()
        compared = query.record("reconciliation")
        waiting = query.record("oldest_waiting")
        assert compared is not None
        assert waiting is not None
        found = query.record(
            "figures",
            since=sealed["since"],
            were_in_progress=sealed["were_in_progress"],
            floor=sealed["floor"],
            oldest_waiting=waiting["oldest_at"],
            most=_COUNTED_AT_MOST,
        )
        assert found is not None
        return Figures(
            **found, is_held=is_held(sealed), differences=compared["differences"], slots=list(query.records("slots"))
        )


def _be_modest() -> None:
    """See one moment, plan by indexes even if the statistics lag behind, and give up rather than hold anybody up."""
    with connection.cursor() as sql:
        sql.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for name in ("statement_timeout", "lock_timeout"):
            sql.execute("SELECT set_config(%s, %s, true)", [name, _PATIENCE])
        sql.execute("SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)")
