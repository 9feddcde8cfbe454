"""Runs a management command and says how many MiB its process has held at the most: `python -m bench.peak COMMAND…`.

The answer goes to the descriptor BENCH_ANSWER. It is the kernel's VmHWM, because a child's `ru_maxrss` begins with its
parent's size.
"""

import os
import sys
from io import StringIO

from bench.processes import resident_mib


def main(command: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command(*command, stdout=StringIO())
    os.write(int(os.environ["BENCH_ANSWER"]), f"{resident_mib(os.getpid(), most=True)}".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
