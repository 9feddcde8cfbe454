"""A process that empties a contestant's outbox whenever it is told to: `python -m bench.worker MODULE DESCRIPTOR`.

It lives through all rounds, as a Celery worker's child does: imported, connected, warm. A line on its standard input
is the word to go; a line on the descriptor is its answer.
"""

import importlib
import os
import sys


def main(module: str, descriptor: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    import django

    django.setup()
    from core.observability import metrics

    metrics.plug_in()
    contestant = importlib.import_module(module)
    with os.fdopen(descriptor, "w", buffering=1) as answers:
        answers.write("ready\n")
        for _ in sys.stdin:
            contestant.drain()
            answers.write("drained\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
