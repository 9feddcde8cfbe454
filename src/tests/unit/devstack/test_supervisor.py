"""The supervisor over tiny children: order, readiness, failures and endings."""

import asyncio
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.output import Output
from devstack.service import Ready, Service
from devstack.supervisor import ServiceFailed, StopWanted, Supervisor

pytestmark = [
    pytest.mark.asyncio,
    # Other tests of the run may have left threads; the child does nothing between fork and exec that could meet them.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

SLEEP = ["sleep", "60"]


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def stubborn(pid_file: Path) -> list[str]:
    """A shell that ignores SIGTERM; its process id is in the file once it does."""
    return shell(f"trap '' TERM; echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; while :; do sleep 0.02; done")


def exists(path: Path) -> Ready:
    async def ready(_: int) -> bool:
        return path.exists()  # noqa: ASYNC240 - the file appears at another process's hands

    return ready


def supervise(*services: Service, printed: io.StringIO | None = None) -> Supervisor:
    return Supervisor(services, output=Output(printed or io.StringIO(), names=[service.name for service in services]))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc/self").exists() else True


async def until(true: Callable[[], bool], *, within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)


async def test_a_service_starts_when_those_it_needs_are_ready(tmp_path: Path) -> None:
    order = tmp_path / "order"
    first = Service(
        name="first",
        argv=shell(f"sleep 0.2; echo first >> {order}; sleep 60"),
        ready=exists(order),
    )
    second = Service(name="second", argv=shell(f"echo second >> {order}"), needs=["first"], oneshot=True)
    third = Service(name="third", argv=shell(f"echo third >> {order}; sleep 60"), needs=["second"])
    async with supervise(third, second, first) as supervisor:
        await supervisor.all_up()
        await until(lambda: order.read_text().count("\n") == 3)
    assert order.read_text().split() == ["first", "second", "third"]


async def test_a_service_that_announces_itself_is_ready_when_it_does(tmp_path: Path) -> None:
    order = tmp_path / "order"
    script = f"echo starting; sleep 0.2; echo first >> {order}; echo I accept connections; sleep 60"
    first = Service(name="first", argv=shell(script), announcement="accept connections")
    second = Service(name="second", argv=shell(f"echo second >> {order}"), needs=["first"], oneshot=True)
    async with supervise(first, second) as supervisor:
        await supervisor.all_up()
    assert order.read_text().split() == ["first", "second"]


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


async def test_a_oneshot_that_fails_stops_everything_with_its_name_and_code() -> None:
    migrate = Service(name="migrate", argv=shell("echo no such table; exit 3"), oneshot=True)
    web = Service(name="web", argv=SLEEP, needs=["migrate"])
    async with supervise(migrate, web, Service(name="engine", argv=SLEEP)) as supervisor:
        with pytest.raises(ServiceFailed, match=r"(?s)migrate exited with code 3.*no such table"):
            await supervisor.all_up()


async def test_a_service_that_ends_later_stops_everything() -> None:
    async with supervise(Service(name="web", argv=shell("sleep 0.1; kill -9 $$"))) as supervisor:
        await supervisor.all_up()
        with pytest.raises(ServiceFailed, match="web was ended by signal 9"):
            await supervisor.stopped()


async def test_a_service_that_ends_well_without_being_asked_is_a_failure_too() -> None:
    async with supervise(Service(name="web", argv=["true"])) as supervisor:
        with pytest.raises(ServiceFailed, match="web exited with code 0"):
            await supervisor.stopped()


async def test_a_service_that_is_never_ready_is_named_with_its_last_lines(tmp_path: Path) -> None:
    argv = shell("for i in $(seq 30); do echo line $i; done; sleep 60")
    service = Service(name="engine", argv=argv, ready=exists(tmp_path / "never"), patience=0.5)
    async with supervise(service) as supervisor:
        with pytest.raises(ServiceFailed, match=r"engine was not ready within 0\.5 s") as failure:
            await supervisor.all_up()
    assert str(failure.value).splitlines()[1:] == [f"  line {number}" for number in range(21, 31)]


async def test_a_program_that_does_not_exist_is_named() -> None:
    async with supervise(Service(name="engine", argv=["/no/such/program"])) as supervisor:
        with pytest.raises(ServiceFailed, match=r"engine could not be started.*/no/such/program"):
            await supervisor.all_up()


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


async def test_lines_of_any_length_and_bytes_are_passed_on() -> None:
    script = (
        r"import sys; w=sys.stdout.buffer.write; w(b'a'*300000+b'\n'); w(b'caf\xc3\xa9 \xff\r\n'); w(b'no newline')"
    )
    printed = io.StringIO()
    async with supervise(Service(name="one", argv=python(script), oneshot=True), printed=printed) as supervisor:
        await supervisor.all_up()
        await until(lambda: "no newline" in printed.getvalue())
    text = printed.getvalue()
    assert text.count("a") >= 300_000
    assert "one      | café \ufffd\none      | no newline\n" in text


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
