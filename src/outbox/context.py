"""Who acts, in which request and which trace: what events take along by themselves.

Doors (the middleware, the authentication, a task) set these; they follow the request through `sync_to_async`.
"""

from contextvars import ContextVar

actor_id: ContextVar[str] = ContextVar("actor_id", default="")
request_id: ContextVar[str] = ContextVar("request_id", default="")
# W3C traceparent, e.g. 00-<32 hex digits>-<16 hex digits>-01.
trace_context: ContextVar[str] = ContextVar("trace_context", default="")
