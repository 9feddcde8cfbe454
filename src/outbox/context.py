"""Who acts, in which request and which trace: what events take along by themselves.

Doors (the middleware, the authentication, a task) set these; they follow the request through `sync_to_async`.
"""

from contextvars import ContextVar

from kit.span import traceparent as trace_context

__all__ = ["actor_id", "request_id", "trace_context"]

actor_id: ContextVar[str] = ContextVar("actor_id", default="")
request_id: ContextVar[str] = ContextVar("request_id", default="")
