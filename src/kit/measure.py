"""The one seam for figures: code says `count("outbox.events_delivered", 12)`; what keeps them is plugged in below.

A meter is told every figure by its name and labels. Prometheus' one is registered at start-up (see
core.observability.metrics); without any, a figure costs a function call. Labels are few and their values known
beforehand: an id, an address or a reason is for the log.
"""

from typing import Protocol


class Meter(Protocol):
    """Keeps figures. It must not raise: what is measured goes on."""

    def count(self, name: str, amount: float, labels: dict[str, str]) -> None:
        """Something happened so many times more."""

    def observe(self, name: str, value: float, labels: dict[str, str]) -> None:
        """Something had this size or took so long; how such values are spread is of interest."""

    def gauge(self, name: str, value: float, labels: dict[str, str]) -> None:
        """Something has this value now."""


_meters: list[Meter] = []


def register_meter(meter: Meter) -> None:
    """Tell every figure to this meter, too."""
    _meters.append(meter)


def count(name: str, amount: float = 1, /, **labels: str) -> None:
    """Add to how often something happened."""
    for meter in _meters:
        meter.count(name, amount, labels)


def observe(name: str, value: float, /, **labels: str) -> None:
    """Add one more to the values of which the spread is of interest, such as durations in seconds."""
    for meter in _meters:
        meter.observe(name, value, labels)


def gauge(name: str, value: float, /, **labels: str) -> None:
    """Say what something is in this process now."""
    for meter in _meters:
        meter.gauge(name, value, labels)
