"""`python -m devstack.clickhouse --data DIR --port N`: serve until SIGTERM or SIGINT."""

import argparse
import faulthandler
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from devstack.clickhouse.errors import CannotServe

PASSWORD_VARIABLE: Final = "DEVSTACK_CLICKHOUSE_PASSWORD"  # noqa: S105 -- the variable's name


def main() -> int:
    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING, format="clickhouse: %(message)s")
    stopping = threading.Event()
    try:
        return _serve(arguments, stopping)
    except CannotServe as error:
        print(f"clickhouse: {error}", file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="devstack.clickhouse", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder, made if absent")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--user", default="default")
    parser.add_argument("--database", default="die_hard", help="made if absent; where a client begins that names none")
    parser.add_argument("--config", type=Path, help="ClickHouse's own XML, for clusters and macros")
    return parser.parse_args()


def _serve(arguments: argparse.Namespace, stopping: threading.Event) -> int:
    # The engine takes half a second to import: whatever can fail without it comes first.
    from devstack.clickhouse.server import listen  # noqa: PLC0415

    listener = listen(arguments.port)
    from devstack.clickhouse.connection import Access  # noqa: PLC0415
    from devstack.clickhouse.engine import Engine  # noqa: PLC0415
    from devstack.clickhouse.server import Server  # noqa: PLC0415

    _close_stdin()
    engine = Engine(arguments.data.absolute(), database=arguments.database, config=arguments.config)
    _stop_on_signals(stopping)
    access = Access(arguments.user, os.environ.get(PASSWORD_VARIABLE, ""), arguments.database)
    server = Server(listener, engine=engine, access=access)
    server.start()
    print(f"clickhouse: accepts connections on 127.0.0.1:{arguments.port}", flush=True)
    stopping.wait()
    if server.stop():
        engine.close()
        return 0
    # A thread is stuck inside the engine; parts on disk are complete or absent, so nothing is lost by leaving.
    os._exit(0)


def _close_stdin() -> None:
    """The engine's front end reads the rows of an INSERT without any from there."""
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)


def _stop_on_signals(stopping: threading.Event) -> None:
    faulthandler.enable()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())


if __name__ == "__main__":
    sys.exit(main())
