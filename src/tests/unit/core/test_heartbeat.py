import os
import subprocess
import sys
import time

import pytest

from core import heartbeat
from core.settings.environment import SOURCE


def test_who_has_just_shown_a_sign_of_life_is_alive(tmp_path, capsys):
    heartbeat.show("worker", folder=str(tmp_path / "made" / "on the way"))
    assert heartbeat.main([str(tmp_path / "made" / "on the way" / "worker")]) == 0
    assert capsys.readouterr().out.startswith("worker: last sign of life 0.")


def test_who_has_been_silent_for_minutes_is_not(tmp_path):
    heartbeat.show("worker", folder=str(tmp_path))
    three_minutes_ago = time.time() - 180
    os.utime(tmp_path / "worker", (three_minutes_ago, three_minutes_ago))
    assert heartbeat.main([str(tmp_path / "worker")]) == 1
    heartbeat.show("worker", folder=str(tmp_path))
    assert heartbeat.main([str(tmp_path / "worker")]) == 0


def test_who_has_shown_none_is_not(tmp_path, capsys):
    assert heartbeat.main([str(tmp_path / "beat")]) == 1
    assert capsys.readouterr().err == "beat: no sign of life yet\n"


@pytest.mark.parametrize("arguments", [[], ["worker", "beat"]])
def test_who_asks_wrongly_is_told_how(arguments, capsys):
    assert heartbeat.main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_without_a_folder_nothing_is_left_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    heartbeat.show("worker", folder="")
    assert list(tmp_path.iterdir()) == []


def test_the_check_imports_no_django():
    code = "import core.heartbeat, sys; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=SOURCE, check=False).returncode == 0
