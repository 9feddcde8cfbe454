"""One use case, one class, one file: what the application can be asked to do.

`execute` is plain synchronous Django and opens its own transaction where a reader sees it. Async views await
`aexecute`: this is the only bridge from the event loop into the ORM.
"""

from abc import ABC, abstractmethod

from asgiref.sync import sync_to_async

from kit.span import span


class UseCase[Result](ABC):
    """A command with its arguments as attributes (subclass it as a keyword-only frozen dataclass)."""

    @abstractmethod
    def execute(self) -> Result: ...

    async def aexecute(self) -> Result:
        """Execute in the thread that Django keeps for this request, so that one connection serves all of it."""
        return await sync_to_async(self._traced, thread_sensitive=True)()

    def _traced(self) -> Result:
        with span(f"use_case.{type(self).__name__}"):
            return self.execute()


class AsyncUseCase[Result](ABC):
    """The same for what waits for another server than PostgreSQL: it runs on the event loop, and the ORM does not."""

    @abstractmethod
    async def execute(self) -> Result: ...

    async def aexecute(self) -> Result:
        """Run where it is awaited; no thread and no connection to the database is held meanwhile."""
        with span(f"use_case.{type(self).__name__}"):
            return await self.execute()
