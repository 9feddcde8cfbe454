"""The circuit breaker: an unavailable store is left alone for a while, so that a thousand batches don't each try."""

import random
import time

import structlog
from django.conf import settings

from events.store import StoreMisconfigured, StoreUnavailable
from kit.measure import count, gauge

log = structlog.get_logger(__name__)

# A fault of the deployment is nobody's passing trouble: it is said loudly, but not with every attempt.
_SAY_AGAIN_AFTER = 60.0


class Breaker:
    """One a process. It trips with every unavailable answer, for longer each time, and is reset by a delivery."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0
        self._said_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether the store is to be left alone now."""
        return time.monotonic() < self._open_until

    def trip(self, error: StoreUnavailable) -> None:
        self._failures += 1
        self._open_until = time.monotonic() + backoff(self._failures)
        count("outbox.store_errors", kind=error.kind, code=error.code)
        gauge("outbox.breaker_open", 1)
        if isinstance(error, StoreMisconfigured) and time.monotonic() - self._said_at >= _SAY_AGAIN_AFTER:
            self._said_at = time.monotonic()
            log.error("store_misconfigured", reason=str(error))

    def reset(self) -> bool:
        """Close the breaker; returns whether it had tripped."""
        had_tripped, self._failures, self._open_until = self._failures > 0, 0, 0.0
        if had_tripped:
            gauge("outbox.breaker_open", 0)
        return had_tripped


def backoff(attempts: int) -> float:
    """Seconds to wait after this many attempts: exponential, capped, with full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    ceiling: float = settings.OUTBOX_BACKOFF_BASE * 2 ** min(attempts - 1, 32)
    return random.uniform(0, min(settings.OUTBOX_BACKOFF_CAP, ceiling))  # noqa: S311 -- spreads load, guards nothing
