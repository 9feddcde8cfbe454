"""The table of faults, with the events that were lost or repeated."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from tests.chaos.evidence import Evidence, Life
from tests.chaos.faults import KINDS

_MEANING = {
    "uncommitted": "in ClickHouse, though no committed transaction recorded them",
    "vanished": "noted by their writer after its commit, and not in PostgreSQL",
    "risen": "noted by their writer as rolled back, and in PostgreSQL",
}

type History = Sequence[tuple[str, datetime]]


def lines(history: History, evidence: Evidence, *, seconds: float) -> Iterator[str]:
    """A row for each kind of fault, then whatever is not as it should be.

    A bad event is counted with every kind of fault that struck during its life: one of them is the reason.
    """
    times = Counter(kind for kind, _ in history)
    yield f"{'kind':<44}{'times':>6}{'lost':>6}{'repeated':>10}"
    for kind in KINDS:
        at = [when for its, when in history if its == kind]
        lost, repeated = (len(list(_alive_at(at, bad))) for bad in (evidence.lost, evidence.repeated))
        yield f"{kind:<44}{times[kind]:>6}{lost:>6}{repeated:>10}"
    yield ""
    yield f"{evidence.committed:,} events committed, {evidence.noted:,} of them noted by their writers; {seconds:.0f} s"
    yield from _what_is_bad(evidence)


def _what_is_bad(evidence: Evidence) -> Iterator[str]:
    for what, meaning in _MEANING.items():
        if found := getattr(evidence, what):
            yield f"{what}: {len(found)} {meaning}, e.g. {next(iter(found))}"
    for what, bad in (("lost", evidence.lost), ("repeated", evidence.repeated)):
        for event_id, life in list(bad.items())[:10]:
            yield f"{what}: {event_id}, recorded {life.began:%H:%M:%S.%f}, last seen {life.ended:%H:%M:%S.%f}"


def _alive_at(moments: list[datetime], bad: Mapping[UUID, Life]) -> Iterator[UUID]:
    for event_id, life in bad.items():
        if any(life.began <= moment <= life.ended for moment in moments):
            yield event_id
