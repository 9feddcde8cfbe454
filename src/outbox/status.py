"""The outbox at a glance: what is pending, since when, how the batches stand and how full the slots are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.timezone import now

from outbox import query
from outbox.history import by_ledger, cursor, is_held

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Pending is all that is committed and not in the store yet: unsealed events and those in undelivered batches.

    `has_moved` says that the database failed over or went to another cluster: nothing is sealed or delivered until the
    event store has been asked what it has.
    """

    pending_events: int
    pending_bytes: int
    oldest_pending_seconds: float | None
    unsealed_events: int
    has_moved: bool
    batches: dict[str, dict[str, int]]
    last_failure: dict[str, Any] | None
    slots: list[dict[str, Any]]


def status(*, since: datetime | None = None) -> Status:
    """The present state; settled batches count if they were sealed since then, or within the last day."""
    sealed = cursor()
    unsealed = query.record(
        "unsealed",
        since=sealed["since"],
        were_in_progress=sealed["were_in_progress"],
        floor=sealed["floor"],
        by_ledger=by_ledger(sealed),
    )
    undelivered = query.record("undelivered")
    waiting = query.record("oldest_waiting")
    assert unsealed is not None
    assert undelivered is not None
    assert waiting is not None
    failure = query.record("last_failure")
    return Status(
        pending_events=unsealed["events"] + undelivered["events"],
        pending_bytes=unsealed["bytes"] + undelivered["bytes"],
        oldest_pending_seconds=_age(unsealed["oldest_occurred_at"], waiting["oldest_at"]),
        unsealed_events=unsealed["events"],
        has_moved=is_held(sealed),
        batches={
            row["state"]: {"batches": row["batches"], "events": row["events"], "bytes": row["bytes"]}
            for row in query.records("batches_by_state", since=since or now() - _A_DAY)
        },
        last_failure=dict(failure) if failure else None,
        slots=[dict(slot) for slot in query.records("slots")],
    )


def _age(*beginnings: datetime | None) -> float | None:
    oldest = min((at for at in beginnings if at is not None), default=None)
    return None if oldest is None else max(0.0, (now() - oldest).total_seconds())
