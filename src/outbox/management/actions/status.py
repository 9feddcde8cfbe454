import time
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime
from typing import Any

from outbox.management.actions.action import DONE, Action, add_since
from outbox.management.actions.presentation import status_lines
from outbox.status import status


class ShowStatus(Action):
    name = "status"
    help = "pending events, batches by state, last error, slots"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        add_since(parser, what="settled batches sealed", default=None, otherwise="within a day")
        parser.add_argument("--watch", action="store_true", help="show it again every second until Ctrl-C")

    def run(self, *, since: datetime | None, watch: bool, **_: Any) -> int:
        try:
            while True:
                if watch and self.out.isatty():
                    self.out.write("\033[H\033[2J", ending="")
                found = status(since=since)
                self.answer(asdict(found), text=status_lines(found))
                if not watch:
                    break
                time.sleep(1)
        except KeyboardInterrupt:
            self.out.write()
        return DONE
