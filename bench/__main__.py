"""Measure, print one table, and keep it in bench/results.md: `make bench`, or a part with `make bench only=relay`."""

import argparse
import importlib
import os
import sys
import time
import traceback
from pathlib import Path

from bench import report
from bench.findings import FULL, TINY, USUAL
from bench.ground import prepared
from bench.machine import described

PARTS = (
    "relay", "visibility", "recording", "held_snapshot", "sealing", "api", "memory", "growth", "logins",
    "observability",
)  # fmt: skip
# How long the parts of their own sizes take in each form.
_SIZES = {
    TINY: {"BENCH_ROUNDS": "1", "BENCH_CLIENTS": "2", "BENCH_LOGIN_SECONDS": "3"},
    USUAL: {"BENCH_ROUNDS": "6", "BENCH_LOGIN_SECONDS": "12"},
    FULL: {},
}
_HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be given more than once")
    parser.add_argument(
        "--form", choices=_SIZES, default=USUAL, help="some ten minutes, the long form, or hardly anything"
    )
    parser.add_argument("--output", type=Path, default=_HERE, help="the folder of results.md and its plots")
    asked = parser.parse_args()
    os.environ["BENCH_FORM"] = asked.form
    for name, value in _SIZES[asked.form].items():
        os.environ.setdefault(name, value)
    failed = False
    with prepared():
        for part in asked.only or PARTS:
            section = _measured(part)
            failed = failed or bool(section.failure)
            path = report.write(section, folder=asked.output, order=PARTS)  # at once: a later part may be interrupted
            print(f"  written to {path}", flush=True)
    return 1 if failed else 0


def _measured(part: str) -> report.Section:
    """What the part finds; if it fails, what it has found until then, and why."""
    print(f"\n{part}", flush=True)
    started = time.monotonic()
    module = importlib.import_module(f"bench.{part}")
    section = report.Section(part=part, about=module.__doc__ or "", machine=described())
    try:
        for finding in module.measure():
            section.findings.append(finding)
            print(report.shown(finding), flush=True)
    except Exception as error:  # noqa: BLE001 -- the other parts are worth having
        traceback.print_exc()
        section.failure = f"{type(error).__name__}: {error}".splitlines()[0]
    section.seconds = time.monotonic() - started
    print(f"  {section.seconds:.0f} s", flush=True)
    return section


if __name__ == "__main__":
    sys.exit(main())
