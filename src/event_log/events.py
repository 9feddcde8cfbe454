"""Who has read the event log is worth an audit itself: it holds personal data."""

from events.event import Event


class EventsRead(Event, name="events_read", version=1):
    """Somebody was shown a page of events, or one event; the actor is who. What was shown does not stand here.

    `filters` are the parameters of the query as they were given (`event_id` if one event was asked for), so that the
    same can be found again; `events` is how many were shown.
    """

    filters: dict[str, list[str]]
    events: int
