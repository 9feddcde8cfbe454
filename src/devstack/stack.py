"""`run` and `services`: the development stack in the foreground, over a folder that is kept."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from devstack import application, environment, folder, ports, postgres, terminal
from devstack.children import adopt_orphans, kill_orphans
from devstack.engines import CLICKHOUSE_DATABASE, CLICKHOUSE_USER, Engines
from devstack.output import Output, wants_colour
from devstack.supervisor import StopWanted, Supervisor


def run(*, with_application: bool) -> int:
    """Start everything and keep it until somebody stops it. Raises DevstackError."""
    stack = folder.configured()
    chosen = ports.configured(ports.ENGINE_PORTS | ports.WEB_PORT)
    needed = chosen if with_application else {name: chosen[name] for name in ports.ENGINE_PORTS}
    with folder.locked(stack) as lock:
        (stack / "env").unlink(missing_ok=True)  # of a stack that was killed
        ports.must_be_free(needed)
        adopt_orphans()
        try:
            asyncio.run(_serve(stack, chosen, with_application=with_application, lock=lock))
        finally:
            kill_orphans()
    return 0


async def _serve(stack: Path, chosen: Mapping[str, int], *, with_application: bool, lock: int) -> None:
    engines = Engines(
        folder=stack,
        ports={name: chosen[name] for name in ports.ENGINE_PORTS},
        password=folder.kept_secret(stack, "password"),
    )
    found = environment.for_development(engines.addresses(), secret_key=folder.kept_secret(stack), port=chosen["PORT"])
    environment.warn_of_unused(engines.addresses())
    colour = wants_colour(sys.stdout)
    services = engines.services()
    if with_application:
        services += application.services(folder=stack, port=chosen["PORT"], environment=found, colour=colour)
    output = Output(sys.stdout, names=[service.name for service in services], colour=colour)
    services = [replace(service, inherits=[lock]) for service in services]  # it is held until all of them are gone
    async with Supervisor(services, output=output) as supervisor:
        _listen_to_signals(supervisor)
        watching = asyncio.create_task(_stop_without_reader(supervisor))
        with contextlib.suppress(StopWanted):
            await supervisor.all_up()
            with _announced(stack, found):
                _say_addresses(output, stack, found, with_application=with_application)
                await supervisor.stopped()
        watching.cancel()


def _listen_to_signals(supervisor: Supervisor) -> None:
    """The first Ctrl-C stops, the second kills; whoever closes the terminal or sends SIGTERM need not insist."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, supervisor.interrupt)
    loop.add_signal_handler(signal.SIGTERM, supervisor.stopping.set)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        loop.add_signal_handler(signal.SIGHUP, supervisor.stopping.set)


async def _stop_without_reader(supervisor: Supervisor) -> None:
    await terminal.reader_gone(sys.stdout)
    supervisor.stopping.set()


@contextlib.contextmanager
def _announced(stack: Path, found: Mapping[str, str]) -> Iterator[None]:
    """The environment file exists exactly as long as the stack is up."""
    path = environment.write(stack, found)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _say_addresses(output: Output, stack: Path, found: Mapping[str, str], *, with_application: bool) -> None:
    web = f"http://{ports.HOST}:{found['PORT']}/"
    clickhouse = f"{found['CLICKHOUSE_HOST']}:{found['CLICKHOUSE_PORT']}"
    lines = {
        **({"web": web} if with_application else {}),
        "database": f"{found['DATABASE_URL'].rpartition('@')[2]}, user {postgres.USER}",
        "valkey": found["REDIS_URL"],
        "clickhouse": f"{clickhouse} (native), user {CLICKHOUSE_USER}, database {CLICKHOUSE_DATABASE}",
        "environment": f"{folder.shown(stack / 'env')}, the password too",
        "to stop": "Ctrl-C",
    }
    for what, where in lines.items():
        output.line("devstack", f"{what:<12} {where}")
