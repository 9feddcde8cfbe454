"""`bench/results.md`: a section for each part, of which a run replaces those that it has measured anew."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench import plots
from bench.findings import Finding, Goal, Plot, Result, form

_HEAD = """# What the bench measured

Written by `make bench`; `make bench only=relay` measures a part and replaces its section. Figures are medians of
several rounds with the least and the most beside them; ratios are of things measured in the same run, round by round.
Latencies and rates are of one small machine, which runs everything at once: compare within a section, not with others.
"""
_GOAL = re.compile(r"^- \*\*(?:met|not met)\*\*.*$", re.MULTILINE)


@dataclass
class Section:
    """What one part has found. `about` is its docstring."""

    part: str
    about: str
    machine: Sequence[str]
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    failure: str = ""


def write(section: Section, *, folder: Path, order: Sequence[str]) -> Path:
    """Write the section into results.md, beside the other parts' of this run or earlier ones, in this order."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.md"
    kept = _sections_of(path.read_text()) if path.exists() else {}
    kept[section.part] = _written(section, folder=folder)
    ordered = [kept[part] for part in order if part in kept]
    path.write_text("\n".join([_HEAD, _goals({part: kept[part] for part in order if part in kept}), *ordered]))
    return path


def shown(finding: Finding) -> str:
    """One line for the terminal."""
    if isinstance(finding, Result):
        return f"{finding.what:<66} {finding.measured:>20}  {finding.spread:>19}  {finding.compared}".rstrip()
    if isinstance(finding, Goal):
        return f"  {_verdict(finding)}: {finding.asked}: {finding.found}"
    return f"  plot: {finding.name}.png"


def _sections_of(text: str) -> dict[str, str]:
    """The sections of an earlier report by their part."""
    _, *found = re.split(r"^## (?=\w+$)", text, flags=re.MULTILINE)
    # Joined by one newline more than they end with, which is not to add up from run to run.
    return {
        section.split("\n", 1)[0]: f"## {section.rstrip()}\n" for section in found if not section.startswith("Goals\n")
    }


def _goals(sections: dict[str, str]) -> str:
    lines = [f"{goal} ([{part}](#{part}))" for part, text in sections.items() for goal in _GOAL.findall(text)]
    met = sum(line.startswith("- **met**") for line in lines)
    return "\n".join(["## Goals", "", f"{met} of {len(lines)} met.", "", *lines, ""])


def _written(section: Section, *, folder: Path) -> str:
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {section.seconds:.0f} s in the {form()} form"
    lines = [f"## {section.part}", "", section.about.strip(), "", f"{when}. " + "  \n".join(section.machine), ""]
    if section.failure:
        lines += [f"**Failed:** {section.failure}", ""]
    rows = [finding for finding in section.findings if isinstance(finding, Result)]
    if rows:
        lines += ["| what | median | least to most | held against |", "| --- | ---: | ---: | --- |"]
        lines += [
            "| " + " | ".join(_cell(cell) for cell in (row.what, row.measured, row.spread, row.compared)) + " |"
            for row in rows
        ]
        lines.append("")
    goals = [finding for finding in section.findings if isinstance(finding, Goal)]
    lines += [f"- **{_verdict(goal)}** {goal.asked}: {' '.join(goal.found.split())}" for goal in goals]
    if goals:
        lines.append("")
    for plot in (finding for finding in section.findings if isinstance(finding, Plot)):
        drawn = plots.save(plot, folder=folder / "plots")
        lines += [f"![{plot.caption}](plots/{drawn.name})", ""]
    return "\n".join(lines)


def _verdict(goal: Goal) -> str:
    return "met" if goal.met else "not met"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
