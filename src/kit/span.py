"""The one seam for instrumentation: code says `with span("outbox.deliver", batch_id=…)`, vendors plug in below.

A tracer is a function that opens a context manager for a name and its attributes; what it yields may have `set` and
`link`, or be None. Sentry, OpenTelemetry and the like register one at start-up (see core.observability); without any,
a span costs a function call.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from typing import Protocol, Self

# W3C traceparent, e.g. 00-<32 hex digits>-<16 hex digits>-01: the innermost span that a tracer has opened; without
# tracers, what the caller of this process has sent.
traceparent: ContextVar[str] = ContextVar("traceparent", default="")


class Listener(Protocol):
    """What a tracer yields in order to hear what is found out while the span is open."""

    def set(self, attributes: Mapping[str, object]) -> None: ...

    def link(self, traceparents: Iterable[str]) -> None: ...


Tracer = Callable[[str, dict[str, object]], AbstractContextManager[Listener | None]]

_tracers: list[Tracer] = []


def register_tracer(tracer: Tracer) -> None:
    """Have every span opened through this tracer, too."""
    _tracers.append(tracer)


class Span:
    """An open unit of work."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def set(self, **attributes: object) -> None:
        """Add what has been found out."""
        for each in self._listeners:
            each.set(attributes)

    def link(self, traceparents: Iterable[str]) -> None:
        """Name the traces that this work also belongs to; nothing is drawn from the iterable if nobody listens."""
        if self._listeners:
            named = list(traceparents)
            for each in self._listeners:
                each.link(named)


class _Unheard(Span):
    """The span that is open while there are no tracers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


_unheard = _Unheard()


def span(name: str, /, **attributes: object) -> AbstractContextManager[Span]:
    """Run the block as a named unit of work."""
    return _heard(name, attributes) if _tracers else _unheard


@contextmanager
def _heard(name: str, attributes: dict[str, object]) -> Iterator[Span]:
    with ExitStack() as stack:
        opened = [stack.enter_context(tracer(name, attributes)) for tracer in _tracers]
        yield Span(*(listener for listener in opened if listener is not None))
