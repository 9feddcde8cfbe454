"""Who acts, in which request and which trace: what events take along by themselves.

Doors (the middleware, the authentication, a task) set these; they follow the request through `sync_to_async`.
"""

from contextvars import ContextVar

import structlog

actor_id: ContextVar[str] = ContextVar("actor_id", default="")
request_id: ContextVar[str] = ContextVar("request_id", default="")
# W3C traceparent, e.g. 00-<32 hex digits>-<16 hex digits>-01.
trace_context: ContextVar[str] = ContextVar("trace_context", default="")


def remember_actor(user_id: object) -> None:
    """Have this user be the actor of what is recorded, and stand in what is logged, until the request ends."""
    actor_id.set(str(user_id))
    structlog.contextvars.bind_contextvars(actor_id=str(user_id))
