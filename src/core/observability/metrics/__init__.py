"""Figures for Prometheus, if PROMETHEUS_MULTIPROC_DIR says where the processes of this host keep them.

Web servers and workers plug in at their start; a command does not, for nobody would come to ask it. The client library
is imported only then: a start without it costs nothing. See docs/monitoring/README.md.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from kit import measure

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from core.observability.metrics.pool import PoolWatch

_on = False


def is_on() -> bool:
    """Whether this process keeps figures."""
    return _on


def plug_in() -> None:
    """Keep this process's figures, and those of the processes it forks, from now on."""
    global _on  # noqa: PLW0603 -- a process plugs in once
    if _on or not settings.PROMETHEUS_MULTIPROC_DIR:
        return
    Path(settings.PROMETHEUS_MULTIPROC_DIR).mkdir(parents=True, exist_ok=True)
    from prometheus_client import values  # noqa: PLC0415 -- it looks for the folder when it is imported

    from core.observability.metrics import processes  # noqa: PLC0415 -- likewise
    from core.observability.metrics.meter import PrometheusMeter  # noqa: PLC0415 -- likewise

    values.ValueClass = values.MultiProcessValue(processes.own)  # type: ignore[no-untyped-call]
    measure.register_meter(PrometheusMeter())
    _on = True


def listen() -> None:
    """Answer /metrics on METRICS_PORT, if there is one, together with whoever of this host does so already."""
    if _on and settings.METRICS_PORT:
        from core.observability.metrics import server  # noqa: PLC0415 -- likewise

        server.start(host=settings.METRICS_HOST, port=settings.METRICS_PORT)


def watch(pool: "ConnectionPool[Any]") -> "PoolWatch | None":
    """Tell how the pool is doing until the watch is stopped; None if nobody wants to know."""
    if not _on:
        return None
    from core.observability.metrics.pool import PoolWatch  # noqa: PLC0415 -- likewise

    return PoolWatch(pool)
