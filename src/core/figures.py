"""The outbox's figures for whoever asks often: the metrics and the readiness probe.

One question at a time, in a thread and on a connection of its own, and none if the last answer is young enough: so
neither a crowd of probes nor a database in trouble turns into load or into waiting requests.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import DatabaseError, connection

from kit.errors import DomainError
from outbox.figures import Figures, figures

_FRESH_SECONDS = 3.0
_PATIENCE_SECONDS = 2.0

_asking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="figures")
_lock = threading.Lock()
_known: tuple[float, Figures] | None = None
_asked: Future[Figures] | None = None


def current() -> Figures:
    """The figures, no older than a few seconds. Raises FiguresUnavailable. It blocks: not for the event loop."""
    global _asked  # noqa: PLW0603 -- what this process knows
    with _lock:
        if _known is not None and time.monotonic() - _known[0] < _FRESH_SECONDS:
            return _known[1]
        if _asked is None or _asked.done():  # one that still hangs is waited for again, not asked beside
            _asked = _asking.submit(_ask)
        asked = _asked
    # Outside the lock: all who wait do so at the same time, for the same answer.
    try:
        return asked.result(timeout=_PATIENCE_SECONDS)
    except (DatabaseError, TimeoutError) as error:
        raise FiguresUnavailable(reason=" ".join(f"{type(error).__name__}: {error}".split())) from error


def _ask() -> Figures:
    global _known  # noqa: PLW0603 -- likewise
    try:
        found = figures()
    finally:
        connection.close()  # it may belong into a pool
    _known = (time.monotonic(), found)
    return found


class FiguresUnavailable(DomainError):
    """The database could not be asked for the outbox's figures: {reason}."""
