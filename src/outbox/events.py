"""What operators do with the outbox is worth an audit itself."""

from uuid import UUID

from events.event import Event


class EventDiscarded(Event, name="event_discarded", version=1):
    """Somebody gave up an event that the store refuses; the actor is who did."""

    event_id: UUID
    event_type: str
    batch_id: UUID
    refused_because: str
    discarded_because: str
