"""The one seam for instrumentation: code says `with span("outbox.deliver", batch_id=…)`, vendors plug in below.

A tracer is a function that opens a context manager for a name and its attributes; what it yields may have `set` and
`link`, or be None. Sentry, OpenTelemetry and the like register one at start-up (see core.observability); without any,
a span costs a function call. Whatever a tracer raises by itself is logged and goes no further: what it watches goes on.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Protocol, Self

import structlog

log = structlog.get_logger(__name__)

_SAY_AGAIN_AFTER = 60.0

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
            with _shield:
                each.set(attributes)

    def link(self, traceparents: Iterable[str]) -> None:
        """Name the traces that this work also belongs to; nothing is drawn from the iterable if nobody listens."""
        if self._listeners:
            named = list(traceparents)
            for each in self._listeners:
                with _shield:
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
        opened = [stack.enter_context(_Shielded(tracer, name, attributes)) for tracer in _tracers]
        yield Span(*(listener for listener in opened if listener is not None))


class _Shield:
    """Has a block of a tracer's own code fail without anybody but the log noticing, once a minute at most."""

    def __init__(self) -> None:
        self._complained_at = float("-inf")

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        if time.monotonic() - self._complained_at >= _SAY_AGAIN_AFTER:
            self._complained_at = time.monotonic()
            log.error("tracer_failed", exc_info=error)
        return True


_shield = _Shield()


class _Shielded:
    """One tracer's part of a span. It sees the block's error, and can neither replace nor swallow it."""

    def __init__(self, tracer: Tracer, name: str, attributes: dict[str, object]) -> None:
        self._tracer, self._name, self._attributes = tracer, name, attributes
        self._opened: AbstractContextManager[Listener | None] | None = None

    def __enter__(self) -> Listener | None:
        with _shield:
            opened = self._tracer(self._name, self._attributes)
            listener = opened.__enter__()
            self._opened = opened
            return listener
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is None:
            return
        try:
            self._opened.__exit__(kind, error, trace)
        except Exception as raised:
            if raised is not error:
                with _shield:
                    raise
