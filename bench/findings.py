"""What a part of the bench finds: results, goals kept or not, and plots; and how several rounds become one figure."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

TINY, USUAL, FULL = "tiny", "usual", "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table: what was measured, how far the rounds lay apart, and what it is to be held against."""

    what: str
    measured: str
    spread: str = ""
    compared: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is asked for, whether this run met it, and the figures that say so; why not, if it did not."""

    asked: str
    met: bool
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture of the part; `draw` is given Matplotlib's axes."""

    name: str
    caption: str
    draw: Callable[[Any], None]


type Finding = Result | Goal | Plot


def form() -> str:
    """How much is measured in this run."""
    return os.environ.get("BENCH_FORM", USUAL)


def size[Size](*, tiny: Size, usual: Size, full: Size) -> Size:
    """How much to measure: the usual form, the long one, or hardly anything, for the test of the bench."""
    return {TINY: tiny, USUAL: usual, FULL: full}[form()]


def result(what: str, values: Sequence[float], unit: str, *, digits: int = 0, compared: str = "") -> Result:
    """The median of several rounds, with the least and the most."""
    return Result(
        what=what,
        measured=f"{median(values):,.{digits}f} {unit}",
        spread=f"{min(values):,.{digits}f}–{max(values):,.{digits}f}" if len(values) > 1 else "",
        compared=compared,
    )


def ratio(these: Sequence[float], those: Sequence[float]) -> float:
    """The median of each round's figure against its neighbour of the same round: what disturbs both does not show."""
    return median(this / that for this, that in zip(these, those, strict=True))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
