import asyncio
import io
import signal
from pathlib import Path

import pytest

from devstack import command as module
from devstack.command import Command, CommandNotFound
from devstack.output import Output
from devstack.supervisor import Supervisor

pytestmark = pytest.mark.asyncio
STUBBORN = "trap '' TERM; touch up; while :; do sleep 0.02; done"


async def test_a_command_that_ignores_sigterm_is_killed_after_its_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GRACE", 0.3)
    command = Command(["sh", "-c", f"cd {tmp_path}; {STUBBORN}"])
    running = asyncio.create_task(command.run({}, until=asyncio.Event()))
    async with asyncio.timeout(20):
        while not (tmp_path / "up").exists():  # noqa: ASYNC110 - the file appears at another process's hands
            await asyncio.sleep(0.01)
    command._hear(signal.SIGTERM, Supervisor([], output=Output(io.StringIO(), names=[])))
    assert await asyncio.wait_for(running, 20) == 128 + signal.SIGKILL


async def test_before_the_command_runs_a_signal_stops_the_engines() -> None:
    supervisor = Supervisor([], output=Output(io.StringIO(), names=[]))
    command = Command(["true"])
    command._hear(signal.SIGTERM, supervisor)
    assert supervisor.stopping.is_set()
    assert command.last_signal == signal.SIGTERM


async def test_a_file_that_is_no_program_cannot_be_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandNotFound, match="cannot be run: Permission denied"):
        await Command([str(tmp_path / "file")]).run({}, until=asyncio.Event())
