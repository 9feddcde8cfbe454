"""The seam's figures as Prometheus metrics, in files that every process of the host shares."""

import time
from collections.abc import Sequence
from typing import cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from core.observability.metrics.catalogue import FIGURES, Count, Level, Metric, Spread

log = structlog.get_logger(__name__)

_SAY_AGAIN_AFTER = 60.0


class PrometheusMeter:
    """Keeps what kit.measure tells. A figure that cannot be kept is complained of, and nobody else notices."""

    def __init__(self, figures: Sequence[Count | Spread | Level] = FIGURES) -> None:
        self.registry = CollectorRegistry()
        self._kept = {figure.name: _made(figure, self.registry) for figure in figures}
        self._complained_at = float("-inf")

    def count(self, name: str, amount: float, labels: dict[str, str]) -> None:
        try:
            cast("Counter", self._find(name, labels)).inc(amount)
        except Exception:  # noqa: BLE001 -- a full disk must not stop a delivery
            self._complain(name)

    def observe(self, name: str, value: float, labels: dict[str, str]) -> None:
        try:
            cast("Histogram", self._find(name, labels)).observe(value)
        except Exception:  # noqa: BLE001 -- likewise
            self._complain(name)

    def gauge(self, name: str, value: float, labels: dict[str, str]) -> None:
        try:
            cast("Gauge", self._find(name, labels)).set(value)
        except Exception:  # noqa: BLE001 -- likewise
            self._complain(name)

    def _find(self, name: str, labels: dict[str, str]) -> Counter | Gauge | Histogram:
        metric = self._kept[name]
        return metric.labels(**labels) if labels else metric

    def _complain(self, name: str) -> None:
        if time.monotonic() - self._complained_at >= _SAY_AGAIN_AFTER:
            self._complained_at = time.monotonic()
            log.exception("figure_not_kept", name=name)  # noqa: LOG004 -- it is called where one is handled


def _made(figure: Count | Spread | Level, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    names = _names(figure)
    match figure:
        case Count():
            counter = Counter(*names, figure.labels, registry=registry)
            for value in figure.known:
                counter.labels(value)  # a rate needs a beginning: the first one must not look like the state of old
            return counter
        case Spread():
            return Histogram(*names, figure.labels, buckets=figure.buckets, registry=registry)
        case Level():
            return Gauge(*names, figure.labels, multiprocess_mode=figure.over, registry=registry)


def _names(figure: Metric) -> tuple[str, str]:
    return figure.prometheus_name, figure.help
