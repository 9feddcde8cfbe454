"""The short version of `make chaos`: some sixty faults, every kind at least once."""

import os
import subprocess
import sys

from devstack.folder import SOURCE
from tests.folders import passable_folder


def test_sixty_kills_lose_and_repeat_nothing():
    with passable_folder("die-hard-chaos-") as folder:
        command = [sys.executable, "-m", "tests.chaos", "--kills", "60", "--seed", "7", "--folder", str(folder)]
        chaos = subprocess.run(
            command, cwd=SOURCE, env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        assert chaos.returncode == 0, chaos.stdout + chaos.stderr
        assert chaos.stdout.endswith("kills 60: lost 0, repeated 0\n")
