"""Read events back: a page of those that match, or one."""

from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from event_log.api.fields import packed
from event_log.api.permissions import MayViewEvents
from event_log.api.serializers import EventPageSerializer, EventQuerySerializer, EventSerializer
from event_log.reading import EventLogUnavailable
from event_log.use_cases.find_events import FindEvents
from event_log.use_cases.get_event import EventUnknown, GetEvent
from events.reading import Page, StoredEvent, TooMuchToRead, Wanted
from guards.staff import RecordedDenials
from guards.throttles import PerPerson
from kit.api import Guard, Refusals, operation


class ReadingView(RecordedDenials):
    """Open to staff who may read events. Each reading is an event itself, so they are counted."""

    permission_classes: ClassVar[tuple[type[BasePermission], ...]] = (MayViewEvents,)
    refusals: ClassVar[Refusals] = {
        EventLogUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
        EventUnknown: HTTPStatus.NOT_FOUND,
        TooMuchToRead: HTTPStatus.UNPROCESSABLE_ENTITY,
    }
    guards: ClassVar[tuple[Guard, ...]] = (PerPerson("event_readings_per_person"),)
    guarded_methods: ClassVar[frozenset[str]] = frozenset({"get", "head"})


class EventsView(ReadingView):
    @operation(takes=EventQuerySerializer, answers=EventPageSerializer, refuses=(EventLogUnavailable, TooMuchToRead))
    async def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """Find events, for administrators: who did what, when.

        The newest come first. `next` is where the next page is, null if this is the last one. A page has fewer than
        `limit` events if theirs are very large.

        All that is given must match. What happened in the last seconds may still be on its way, and an event that
        arrives late may belong on a page that you have seen. That you have read them becomes an event.
        """
        given = dict(request.query_params.lists())
        after, limit = query.pop("after", None), query.pop("limit")
        wanted = Wanted(event_types=query.pop("event_type", ()), **query)
        page = await FindEvents(wanted=wanted, after=after, limit=limit, filters=given).aexecute()
        return {"results": page.events, "next": _address_of_next(page, request)}


class EventView(ReadingView):
    @operation(answers=EventSerializer)
    async def get(self, _request: Request, event_id: UUID) -> StoredEvent:
        """See an event, for administrators.

        That you have read it becomes an event.
        """
        return await GetEvent(event_id=event_id).aexecute()


def _address_of_next(page: Page, request: Request) -> str | None:
    if page.is_last:
        return None
    asked = request.query_params.copy()
    asked["after"] = packed(page.events[-1].place)
    return f"{reverse('events')}?{asked.urlencode()}"
