"""What every Celery task runs in: the identity of the request that caused it, if one did, a span, and a count."""

from contextlib import ExitStack
from typing import Any

import celery
import structlog
from celery.signals import before_task_publish, task_failure, task_postrun, task_prerun, worker_ready
from celery.states import FAILURE

from core.identity import forget, request_id_of, traceparent_of
from kit.measure import count
from kit.span import span
from outbox import context

# Headers of the message; Celery makes attributes of the task's request of them.
_CARRIED = {"request_id": context.request_id, "actor_id": context.actor_id, "traceparent": context.trace_context}
_spans: dict[str, ExitStack] = {}
# Beat sends these every second or few, and mostly there is nothing to do: then no trace is kept. All others work.
MOSTLY_IDLE = frozenset({"outbox.tick", "users.deliver_letters"})


@before_task_publish.connect
def _pass_on(headers: dict[str, Any], **_: Any) -> None:
    """Have a task that a request causes know the request; one that beat sends knows nobody."""
    headers.update({name: value for name, variable in _CARRIED.items() if (value := variable.get())})


# Signals, not a base class with a __call__: what Celery and Sentry say of a failed task comes after the call.
@task_prerun.connect
def _begin(task_id: str, task: celery.Task[..., Any], **_: Any) -> None:
    if task.request.is_eager:
        return  # a function call within whatever runs already
    forget()
    request = task.request
    context.request_id.set(request_id_of(str(request.get("request_id") or "")))
    context.actor_id.set(str(request.get("actor_id") or ""))
    context.trace_context.set(traceparent_of(str(request.get("traceparent") or "")))
    known = {"request_id": context.request_id.get(), "actor_id": context.actor_id.get()}
    structlog.contextvars.bind_contextvars(
        task=task.name, task_id=task_id, **{name: value for name, value in known.items() if value}
    )
    _spans[task_id] = ExitStack()
    _spans[task_id].enter_context(span("celery.task", **{"celery.task": task.name, "messaging.message.id": task_id}))


@task_postrun.connect
def _end(task_id: str, retval: Any = None, state: str = "", **_: Any) -> None:
    opened = _spans.pop(task_id, None)
    if opened is None:
        return
    try:
        if state == FAILURE and isinstance(retval, BaseException):
            opened.__exit__(type(retval), retval, retval.__traceback__)
        else:
            opened.close()
    finally:
        forget()


# Sent by the child in which the task has failed, or by its parent when there is no such child any more.
@task_failure.connect
def _count_failure(sender: celery.Task[..., Any], **_: Any) -> None:
    count("celery.tasks_failed", task=sender.name)


@worker_ready.connect
def _begin_counting(sender: Any, **_: Any) -> None:
    """Say 0 for every task there is: a counter that begins with its first failure has not grown, for Prometheus."""
    for name in sender.app.tasks:
        if not name.startswith("celery."):
            count("celery.tasks_failed", 0, task=name)
