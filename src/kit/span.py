"""The one seam for instrumentation: code says `with span("outbox.deliver", batch_id=…)`, vendors plug in below.

A tracer is a function that opens a context manager for a name and its attributes. Sentry, OpenTelemetry and the
like register one at start-up (see core.observability); without any, a span costs a function call.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

Tracer = Callable[[str, dict[str, object]], AbstractContextManager[object]]

_tracers: list[Tracer] = []


def register_tracer(tracer: Tracer) -> None:
    """Have every span opened through this tracer, too."""
    _tracers.append(tracer)


@contextmanager
def span(name: str, **attributes: object) -> Iterator[None]:
    """Run the block as a named unit of work."""
    with ExitStack() as stack:
        for tracer in _tracers:
            stack.enter_context(tracer(name, attributes))
        yield
