"""Who may read the event log. It holds personal data of everybody."""

from guards.staff import StaffPermission


class MayViewEvents(StaffPermission):
    """To read events."""

    permission = "event_log.view_event"
