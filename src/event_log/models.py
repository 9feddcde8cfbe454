"""What the admin has to know to give somebody the permission to read events, `event_log.view_event`."""

from outbox.models import OutboxEvent


class Event(OutboxEvent):
    """An event in the event store, which Django's ORM does not see: this has no table, only a permission."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
