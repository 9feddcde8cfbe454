"""Measure, and print one table: `make bench`, or a part of it with `make bench only=relay`."""

import argparse
import importlib
import os
import platform

from bench.ground import prepared

PARTS = ("relay", "held_snapshot", "memory", "logins", "observability")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be given more than once")
    chosen = parser.parse_args().only or PARTS
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    for part in chosen:
        with prepared():
            for result in importlib.import_module(f"bench.{part}").measure():
                print(f"{result.what:<70} {result.measured:>20}  {result.compared}", flush=True)


if __name__ == "__main__":
    main()
