"""What every Celery task runs in: the identity of the request that caused it, if one did, and a span."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import celery
import structlog
from celery.signals import before_task_publish

from core.identity import accepted_request_id, accepted_traceparent, forget
from kit.span import span
from outbox import context

# Headers of the message; Celery makes attributes of the task's request of them.
_CARRIED = {"request_id": context.request_id, "actor_id": context.actor_id, "traceparent": context.trace_context}


class Task(celery.Task):  # type: ignore[type-arg]  # Celery's class takes no arguments at run time
    """The base of all tasks, named in core.celery."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with _identified(self), span("celery.task", **{"celery.task": self.name, "messaging.message.id": self._id()}):
            return super().__call__(*args, **kwargs)

    def _id(self) -> str:
        return str(self.request.id or "")


@before_task_publish.connect
def _pass_on(headers: dict[str, Any], **_: Any) -> None:
    """Have a task that a request causes know the request; one that beat sends knows nobody."""
    headers.update({name: value for name, variable in _CARRIED.items() if (value := variable.get())})


@contextmanager
def _identified(task: Task) -> Iterator[None]:
    if task.request.called_directly or task.request.is_eager:
        yield  # a function call within whatever runs already
        return
    forget()
    request = task.request
    context.request_id.set(accepted_request_id(str(request.get("request_id") or "")))
    context.actor_id.set(str(request.get("actor_id") or ""))
    context.trace_context.set(accepted_traceparent(str(request.get("traceparent") or "")))
    known = {"request_id": context.request_id.get(), "actor_id": context.actor_id.get()}
    structlog.contextvars.bind_contextvars(
        task=task.name, task_id=request.id, **{name: value for name, value in known.items() if value}
    )
    try:
        yield
    finally:
        forget()
