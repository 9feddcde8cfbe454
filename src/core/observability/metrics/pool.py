"""Tells how the web server's pool of PostgreSQL connections is doing, every few seconds."""

import threading
from typing import Any, Final

from psycopg_pool import ConnectionPool

from kit.measure import count, gauge

_EVERY_SECONDS = 2.0

_LEVELS: Final = {
    "database.pool_connections": "pool_size",
    "database.pool_idle": "pool_available",
    "database.pool_limit": "pool_max",
    "database.pool_waiting": "requests_waiting",
}
_COUNTS: Final = {
    "database.pool_requests": "requests_num",
    "database.pool_waits": "requests_queued",
    "database.pool_timeouts": "requests_errors",
}


class PoolWatch:
    """A thread that reads one pool's statistics until it is told to stop."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool
        self._told: dict[str, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pool-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=_EVERY_SECONDS)

    def tell(self) -> None:
        """Say what is and what has been added since the last time."""
        found = self._pool.get_stats()
        for name, key in _LEVELS.items():
            gauge(name, found.get(key, 0))
        for name, key in _COUNTS.items():
            count(name, self._added(key, found))
        count("database.pool_wait_seconds", self._added("requests_wait_ms", found) / 1000)

    def _added(self, key: str, found: dict[str, int]) -> int:
        before, self._told[key] = self._told.get(key, 0), found.get(key, 0)
        return max(0, self._told[key] - before)

    def _run(self) -> None:
        self.tell()
        while not self._stopped.wait(_EVERY_SECONDS):
            self.tell()
