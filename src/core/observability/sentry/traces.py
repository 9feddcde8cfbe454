"""Which requests and tasks Sentry is told of as traces, and their spans."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from core.access import PROBES
from core.observability.redaction import redacted_mapping
from core.observability.sentry.reports import Report, fit_to_leave
from core.task import MOSTLY_IDLE

# What Celery's and the database's integrations add to every task.
_INCIDENTAL = frozenset({"db", "queue.process"})
# Sentry's integrations begin a transaction with these.
_ITS_OWN = frozenset({"http.request", "celery.task"})


def sampler(rate: float) -> Callable[[Mapping[str, Any]], float]:
    """Of which requests and tasks the trace is sent: this share, or as a caller of ours decided; of probes, none."""

    def sampled(begun: Mapping[str, Any]) -> float:
        if begun.get("asgi_scope", {}).get("path") in PROBES:
            return 0.0
        # Strangers' decisions core.strangers has taken off at the door.
        decided: bool | None = begun.get("parent_sampled")
        return rate if decided is None else float(decided)

    return sampled


def before_send(report: Report, _hint: Mapping[str, Any]) -> Report | None:
    """The trace as it may leave; None if it is of a task that found nothing to do."""
    return None if _is_idle_task(report) else fit_to_leave(report)


@contextmanager
def open_span(name: str, attributes: dict[str, object]) -> Iterator[None]:
    """Make a span of the seam one of Sentry's."""
    import sentry_sdk  # noqa: PLC0415 -- it has been imported by now

    if name in _ITS_OWN:
        yield
        return
    with sentry_sdk.start_span(op=name, name=name) as span:
        for key, value in redacted_mapping(attributes).items():
            span.set_data(key, value)
        yield


def _is_idle_task(report: Report) -> bool:
    """Whether it was a task that found nothing to do but to ask the database: there is one every second."""
    trace = report.get("contexts", {}).get("trace", {})
    is_well = trace.get("op") == "queue.task.celery" and trace.get("status") in {None, "ok"}
    is_mostly = report.get("transaction") in MOSTLY_IDLE
    return is_well and is_mostly and all(span.get("op") in _INCIDENTAL for span in report.get("spans", ()))
