"""Quarantine: events that the store refused for good, each alone in its batch, until a person decides."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from kit.errors import DomainError
from outbox import query
from outbox.client import EventLogClient
from outbox.events import EventDiscarded

log = structlog.get_logger(__name__)


def quarantined(*, limit: int) -> list[Mapping[str, Any]]:
    """The events in quarantine, the oldest first, each with the reason."""
    return list(query.records("quarantined", batch_id=None, limit=limit))


def find(batch_id: UUID) -> Mapping[str, Any]:
    """One event in quarantine, by its batch. Raises NotInQuarantine."""
    found = query.record("quarantined", batch_id=batch_id, limit=1)
    if found is None:
        raise NotInQuarantine(batch_id=batch_id)
    return found


def release(batch_id: UUID) -> None:
    """Have it delivered again; if the store still refuses it, it comes back. Raises NotInQuarantine."""
    if not query.changed("release_quarantined", batch_id=batch_id):
        raise NotInQuarantine(batch_id=batch_id)
    log.warning("quarantine_replayed", batch_id=batch_id)


def release_all() -> int:
    """Have everything in quarantine delivered again, after the cause of it all was mended; returns how many events."""
    released = query.changed("release_quarantined", batch_id=None)
    log.warning("quarantine_replayed", events=released)
    return released


def discard(batch_id: UUID, *, by: str, because: str) -> None:
    """Give it up for good, and record who did and why. Raises NotInQuarantine."""
    with transaction.atomic():
        event = find(batch_id)
        if not query.changed("discard", batch_id=batch_id, reason=f"{event['reason']} Discarded by {by}: {because}"):
            raise NotInQuarantine(batch_id=batch_id)  # somebody else has decided in the meantime
        EventLogClient.record(
            EventDiscarded(
                event_id=event["event_id"],
                event_type=event["event_type"],
                batch_id=batch_id,
                refused_because=event["reason"],
                discarded_because=because,
            ),
            actor_id=by,
        )
    log.warning("quarantine_discarded", batch_id=batch_id, by=by, because=because)


class NotInQuarantine(DomainError):
    """There is no quarantined event of batch {batch_id}; `outbox quarantine list` shows those that are."""
