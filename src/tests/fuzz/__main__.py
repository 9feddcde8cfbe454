"""`make fuzz cases=2000 seed=7`: a long run against the real server on a throwaway stack.

The last line is `cases N: failures N`; the exit code is 0 if there were none. The same seed makes the same requests.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.acceptance.conftest import Application
from tests.fuzz.run import fuzz, served


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="at least so many")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as application:
        cases, failures = fuzz_until(arguments.cases, application=application, seed=arguments.seed)
        if "Traceback" in application.log("web"):
            failures += 1
            print(application.log("web"))
    print(f"cases {cases}: failures {failures}")
    return 1 if failures else 0


def fuzz_until(wanted: int, *, application: Application, seed: int) -> tuple[int, int]:
    """Run after run, each with the next seed, until there were so many cases; how many there were, and failed."""
    cases = failures = 0
    while cases < wanted:
        run = fuzz(application, seed=seed, examples=60)
        print(run.output, flush=True)
        cases += run.cases
        failures += run.failures
        seed += 1
    return cases, failures


if __name__ == "__main__":
    sys.exit(main())
