"""Counts attempts in Redis (or Valkey), for all processes alike; while it is away, each process counts for itself.

An attempt costs one script run in Redis, so that of many at the same moment exactly as many pass as may.
"""

import math
import time
from collections.abc import Callable
from functools import cache
from threading import Lock

import structlog
from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

_TIMEOUT_SECONDS = 0.25
_ASK_AGAIN_SECONDS = 5.0
_COMPLAIN_AGAIN_SECONDS = 60.0


class Counters:
    """Counts per key and window. Whatever happens to Redis, every call is answered within half a second."""

    def __init__(self, url: str) -> None:
        self._shared = FixedWindowRateLimiter(
            RedisStorage(
                url, key_prefix="throttle", wrap_exceptions=True, socket_timeout=_TIMEOUT_SECONDS,
                socket_connect_timeout=_TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]
            )
        )  # fmt: skip
        self._lock = Lock()
        self._own: FixedWindowRateLimiter | None = None
        self._away_until = 0.0
        self._silent_until = 0.0

    def take(self, limit: RateLimitItem, *key: str) -> int:
        """Count one attempt. Returns 0 if it may pass, otherwise the seconds after which the next one may."""
        return self._ask(lambda counters: 0 if counters.hit(limit, *key) else _wait(counters, limit, key))

    def forget(self, limit: RateLimitItem, *key: str) -> None:
        """Start counting anew."""
        self._ask(lambda counters: counters.clear(limit, *key))

    def remember(self, seconds: int, *key: str) -> None:
        """Keep in mind that this has happened, for so long from now."""
        self.forget(_mark(seconds), *key)
        self.take(_mark(seconds), *key)

    def remembers(self, seconds: int, *key: str) -> bool:
        """Whether it has happened within so many seconds, as far as is known."""
        return self._ask(lambda counters: not counters.test(_mark(seconds), *key))

    def is_first(self, seconds: int, *key: str) -> bool:
        """Whether nobody has asked this for so many seconds; of many who ask at once, one is the first."""
        return self.take(_mark(seconds), *key) == 0

    def _ask[Answer](self, question: Callable[[FixedWindowRateLimiter], Answer]) -> Answer:
        if self._may_ask_shared():
            try:
                answer = question(self._shared)
            except StorageError as error:
                self._note_away(error.storage_error)
            else:
                self._away_until = 0.0
                return answer
        return question(self._counting_alone())

    def _may_ask_shared(self) -> bool:
        """While Redis is away, one caller at a time finds out whether it is back; the others do not wait for it."""
        with self._lock:
            if time.monotonic() < self._away_until:
                return False
            if self._away_until:
                self._away_until = time.monotonic() + _ASK_AGAIN_SECONDS
            return True

    def _note_away(self, error: Exception) -> None:
        with self._lock:
            now = time.monotonic()
            self._away_until = now + _ASK_AGAIN_SECONDS
            if now < self._silent_until:
                return
            self._silent_until = now + _COMPLAIN_AGAIN_SECONDS
        log.warning("throttles_count_alone", reason=str(error))

    def _counting_alone(self) -> FixedWindowRateLimiter:
        with self._lock:
            if self._own is None:
                self._own = FixedWindowRateLimiter(MemoryStorage())
            return self._own


@cache
def counters() -> Counters:
    """The counters of this process."""
    return Counters(settings.REDIS_URL)


def _wait(counters: FixedWindowRateLimiter, limit: RateLimitItem, key: tuple[str, ...]) -> int:
    return max(1, math.ceil(counters.get_window_stats(limit, *key).reset_time - time.time()))


def _mark(seconds: int) -> RateLimitItem:
    return RateLimitItemPerSecond(1, seconds)
