"""Somebody looks who did what, and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from event_log import reading
from events.reading import Page, Place, Wanted
from kit.use_case import AsyncUseCase


@dataclass(frozen=True, kw_only=True)
class FindEvents(AsyncUseCase[Page]):
    """A page of events; `filters` is how they were asked for. Raises EventLogUnavailable, TooMuchToRead."""

    wanted: Wanted
    after: Place | None
    limit: int
    filters: Mapping[str, Sequence[str]]

    async def execute(self) -> Page:
        async with reading.asking() as reader:
            page = await reader.page(self.wanted, after=self.after, limit=self.limit)
        await reading.record(self.filters, events=len(page.events))
        return page
