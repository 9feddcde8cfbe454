"""Batches of made-up events for tests of stores."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from events.store import Batch, Columns
from events.uuid7 import uuid7

MARCH_2026_US = int(datetime(2026, 3, 10, tzinfo=UTC).timestamp()) * 1_000_000


def batch(
    *,
    rows: int = 3,
    context: str = '{"user_id":1}',
    occurred_us: int = MARCH_2026_US,
    batch_id: UUID | None = None,
    token: str = "",
) -> Batch:
    """So many events a millisecond apart, from `occurred_us` on."""
    batch_id = batch_id or uuid4()
    numbers = range(rows)
    return Batch(
        batch_id=batch_id,
        token=token or str(batch_id),
        events=Columns(
            event_id=[str(uuid7()) for _ in numbers],
            event_type=[("user_registered", "user_logged_in")[i % 2] for i in numbers],
            occurred_us=[occurred_us + i * 1000 for i in numbers],
            environment=["test"] * rows,
            context=[context] * rows,
            metadata_version=[1] * rows,
            actor_id=[str(i) for i in numbers],
            request_id=[f"request-{i}" for i in numbers],
            trace_id=["4bf92f3577b34da6a3ce929d0e0e4736"] * rows,
            span_id=["00f067aa0ba902b7"] * rows,
        ),
    )
