"""Recording that somebody asked for what is not theirs; bounded, so that a flood of asking cannot fill the outbox."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable

from django.http import HttpRequest
from rest_framework.request import Request

from guards.events import AccessDenied
from outbox.client import EventLogClient

_PAUSE_SECONDS = 60.0
_MOST_REMEMBERED = 10_000


class Pauses:
    """Says of a key whether it is its turn: once, and then not again for a while. Threads share one."""

    def __init__(self, *, seconds: float, most: int) -> None:
        self._seconds, self._most = seconds, most
        self._taken_at: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable) -> bool:
        now = time.monotonic()
        with self._lock:
            if now - self._taken_at.get(key, float("-inf")) < self._seconds:
                return False
            self._taken_at[key] = now
            self._taken_at.move_to_end(key)
            if len(self._taken_at) > self._most:
                self._taken_at.popitem(last=False)
            return True


_pauses = Pauses(seconds=_PAUSE_SECONDS, most=_MOST_REMEMBERED)


def record(request: Request | HttpRequest, *, user_id: int, resource: str) -> None:
    """Record the refusal, unless this person was refused this resource just now."""
    if _pauses.take((user_id, resource)):
        EventLogClient.record_alone(AccessDenied(user_id=user_id, method=request.method or "", path=request.path))
