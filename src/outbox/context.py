"""Who acts, in which request and which trace: what events take along by themselves.

Doors (the middleware, the authentication, a task) set these; they follow the request through `sync_to_async`.
"""

from contextvars import ContextVar

import structlog

from kit.span import traceparent as trace_context

__all__ = ["actor_id", "remember_actor", "request_id", "trace_context"]

actor_id: ContextVar[str] = ContextVar("actor_id", default="")
request_id: ContextVar[str] = ContextVar("request_id", default="")


def remember_actor(user_id: object) -> None:
    """Have this user be the actor of what is recorded, and stand in what is logged, until the request ends."""
    actor_id.set(str(user_id))
    structlog.contextvars.bind_contextvars(actor_id=str(user_id))
