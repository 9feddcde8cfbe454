"""What a scrape is answered: the figures of every process of this host, and the facts of the database."""

import hmac
from collections.abc import Iterator
from pathlib import Path

import structlog
from django.conf import settings
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from core import figures
from core.figures import FiguresUnavailable
from core.observability.metrics import processes
from core.observability.metrics.catalogue import FACTS
from outbox.figures import Figures

log = structlog.get_logger(__name__)


def exposition(*, accept: str) -> tuple[bytes, str]:
    """The text and its content type, as the scraper accepts it. It blocks: not for the event loop."""
    folder = settings.PROMETHEUS_MULTIPROC_DIR
    _forget_the_dead(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    registry.register(Facts())
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def may_ask(authorization: str) -> bool:
    """Whether this header shows METRICS_TOKEN; without a token everybody may who reaches the address."""
    expected = f"Bearer {settings.METRICS_TOKEN}".encode()
    return not settings.METRICS_TOKEN or hmac.compare_digest(authorization.encode(errors="replace"), expected)


class Facts(Collector):
    """Asks the database for what is true whichever process has died; without an answer, only says so."""

    def collect(self) -> Iterator[Metric]:
        try:
            found = figures.current()
        except FiguresUnavailable as error:
            log.warning("figures_unavailable", reason=str(error))
            yield _family("outbox.facts_available", {(): 0})
            return
        for name, values in _facts(found).items():
            yield _family(name, values)


type _Values = dict[tuple[str, ...], float]


def _facts(found: Figures) -> dict[str, _Values]:
    return {
        "outbox.facts_available": {(): 1},
        "outbox.pending_events": {(): found.pending_events},
        "outbox.pending_bytes": {(): found.pending_bytes},
        "outbox.oldest_pending_age_seconds": {(): found.oldest_pending_age},
        "outbox.unsealed_events": {(): found.unsealed_events},
        "outbox.oldest_unsealed_age_seconds": {(): found.oldest_unsealed_age},
        "outbox.batches_sealed_pending": {(): found.sealed_batches},
        "outbox.batches_leased": {(): found.batches_leased},
        "outbox.batches_in_doubt": {(): found.batches_in_doubt},
        "outbox.quarantined_events": {(): found.quarantined_events},
        "outbox.differences_found": {(): found.differences},
        "outbox.held": {(): int(found.is_held)},
        "outbox.slot_bytes": {(_number(slot["slot"]),): slot["bytes"] for slot in found.slots},
        "outbox.slot_rows": {(_number(slot["slot"]),): slot["rows"] for slot in found.slots},
    }


def _family(name: str, values: _Values) -> Metric:
    (fact,) = (each for each in FACTS if each.name == name)
    family = GaugeMetricFamily(fact.prometheus_name, fact.help, labels=fact.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _number(slot: str) -> str:
    return slot.rpartition("_")[2]


def _forget_the_dead(folder: Path) -> None:
    """Remove what processes that were killed said of themselves last; what they counted stays counted."""
    for file in folder.glob("gauge_live*_*.db"):
        if not processes.is_alive(file.stem.rpartition("_")[2]):
            file.unlink(missing_ok=True)  # another scrape may be faster
