"""How the supervisor stops its children, the stubborn ones too."""

import asyncio
import io
import os
import time
from pathlib import Path

import pytest

from devstack.output import Output
from devstack.service import Service
from devstack.supervisor import StopWanted, Supervisor
from tests.unit.devstack.supervised import SLEEP, alive, exists, python, shell, stubborn, supervise, until

pytestmark = pytest.mark.asyncio


async def test_those_who_need_a_service_are_gone_before_it_is_stopped(tmp_path: Path) -> None:
    order = tmp_path / "order"

    def slow_to_end(name: str) -> list[str]:
        return shell(
            f"trap 'sleep 0.1; echo {name} >> {order}; exit' TERM; touch {order}.{name}; while :; do sleep 0.02; done"
        )

    services = [
        Service(name=name, argv=slow_to_end(name), needs=needs, ready=exists(tmp_path / f"order.{name}"))
        for name, needs in (("database", []), ("migrate", ["database"]), ("web", ["migrate", "database"]))
    ]
    async with supervise(*services) as supervisor:
        await supervisor.all_up()
    assert order.read_text().split() == ["web", "migrate", "database"]


async def test_a_child_that_ignores_the_stop_signal_is_killed_after_its_grace(tmp_path: Path) -> None:
    service = Service(name="stubborn", argv=stubborn(tmp_path / "pid"), ready=exists(tmp_path / "pid"), grace=0.3)
    printed = io.StringIO()
    async with supervise(service, printed=printed) as supervisor:
        await supervisor.all_up()
    assert not alive(int((tmp_path / "pid").read_text()))
    assert "stubborn did not stop in time and was killed" in printed.getvalue()


async def test_grandchildren_that_ignore_the_stop_signal_do_not_survive_their_leader(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    child = f"(trap '' TERM HUP INT; echo $(exec sh -c 'echo $PPID') >> {pids}; sleep 60 & echo $! >> {pids}; wait)"
    service = Service(name="parent", argv=shell(f"{child} & wait"), ready=exists(pids))
    async with supervise(service) as supervisor:
        await supervisor.all_up()
        await until(lambda: pids.read_text().count("\n") == 2)
    await until(lambda: not any(map(alive, map(int, pids.read_text().split()))))


async def test_a_grandchild_in_a_process_group_of_its_own_is_killed_too(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    grandchild = (
        "import subprocess, time\n"
        "grandchild = subprocess.Popen(['sleep', '60'], process_group=0)\n"
        f"open({str(pids)!r}, 'w').write(str(grandchild.pid))\n"
        "time.sleep(60)"
    )
    async with supervise(Service(name="parent", argv=python(grandchild), ready=exists(pids))) as supervisor:
        await supervisor.all_up()
        await until(lambda: bool(pids.read_text()))
    await until(lambda: not alive(int(pids.read_text())))


async def test_a_second_interrupt_kills_at_once(tmp_path: Path) -> None:
    service = Service(name="stubborn", argv=stubborn(tmp_path / "pid"), ready=exists(tmp_path / "pid"), grace=60)
    started = time.monotonic()
    async with supervise(service) as supervisor:
        await supervisor.all_up()
        supervisor.interrupt()
        asyncio.get_running_loop().call_later(0.2, supervisor.interrupt)
    assert not alive(int((tmp_path / "pid").read_text()))
    assert time.monotonic() - started < 30


async def test_a_stop_during_the_start_starts_nothing_more(tmp_path: Path) -> None:
    first = Service(name="first", argv=SLEEP, ready=exists(tmp_path / "never"))
    second = Service(name="second", argv=shell(f"touch {tmp_path / 'started'}"), needs=["first"])
    async with supervise(first, second) as supervisor:
        asyncio.get_running_loop().call_later(0.1, supervisor.interrupt)
        with pytest.raises(StopWanted):
            await supervisor.all_up()
    assert not (tmp_path / "started").exists()


async def test_a_stop_during_the_preparation_cancels_it() -> None:
    ended: list[str] = []

    async def prepare() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    async with supervise(Service(name="engine", argv=SLEEP, prepare=prepare)):
        await asyncio.sleep(0.05)
    assert ended == ["cancelled"]


async def test_a_lost_terminal_stops_everything() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as broken:
        output = Output(broken, names=["talker"])
        async with Supervisor(
            [Service(name="talker", argv=shell("echo hello; sleep 60"))], output=output
        ) as supervisor:
            async with asyncio.timeout(10):
                await supervisor.stopped()
            output.line("talker", "into the void")
