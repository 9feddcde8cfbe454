"""The supervisor over tiny children: order, readiness, failures, output."""

import io
from pathlib import Path

import pytest

from devstack.service import Service
from devstack.supervisor import ServiceFailed
from tests.unit.devstack.supervised import SLEEP, exists, python, shell, supervise, until

pytestmark = pytest.mark.asyncio


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


async def test_a_oneshot_that_fails_stops_everything_with_its_name_and_code() -> None:
    migrate = Service(name="migrate", argv=shell("echo no such table; exit 3"), oneshot=True)
    web = Service(name="web", argv=SLEEP, needs=["migrate"])
    async with supervise(migrate, web, Service(name="engine", argv=SLEEP)) as supervisor:
        with pytest.raises(ServiceFailed, match=r"(?s)migrate exited with code 3.*no such table"):
            await supervisor.all_up()


async def test_a_service_that_ends_later_stops_everything() -> None:
    async with supervise(Service(name="web", argv=shell("sleep 0.1; kill -9 $$"))) as supervisor:
        await supervisor.all_up()
        with pytest.raises(ServiceFailed, match="web was ended by SIGKILL"):
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
