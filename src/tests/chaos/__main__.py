"""Kill the real processes at random points under load; count what is lost or repeated. `make chaos kills=1000 seed=7`.

The last line is `kills N: lost N, repeated N`; the exit code is 0 if both are 0 and everything else is in order, too.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos import report
from tests.chaos.crowd import Crowd
from tests.chaos.evidence import everything_arrived, gather
from tests.chaos.faults import Scene, drawn, strike
from tests.chaos.installation import Installation

_WARM_UP = 3.0
_DRAINED_WITHIN = 180.0
# Seconds between two faults are drawn from 0 to this.
_PAUSE = 0.3


def main() -> int:
    """Run in a folder that is kept if anything is wrong, or if it was asked for."""
    arguments = _arguments()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="die-hard-chaos-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user
    code = _run(folder, kills=arguments.kills, seed=arguments.seed)
    if arguments.folder is None and code == 0:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _run(folder: Path, *, kills: int, seed: int) -> int:
    _say(f"{kills} kills, seed {seed}; data and logs in {folder}", "")
    started = time.monotonic()
    with Installation(folder=folder) as installation:
        # The forkserver, and whoever it forks, reads the settings from here.
        os.environ.update(installation.environment)
        crowd = Crowd(folder=folder, environment=installation.environment, seed=seed)
        try:
            history = _havoc(
                Scene(installation, crowd, random.Random(seed)),
                kills=kills,
                talk=sys.stderr.isatty(),
            )
            _drain(installation, crowd)
        finally:
            crowd.close()
        evidence = gather(installation)
        verified = installation.manage("outbox", "verify", "--json", check=False)
    in_order = _in_order(verified.stdout)
    _say(
        *report.lines(history, evidence, seconds=time.monotonic() - started),
        f"outbox verify: {'in order' if in_order else verified.stdout + verified.stderr}",
        f"kills {len(history)}: lost {len(evidence.lost)}, repeated {len(evidence.repeated)}",
    )
    if evidence.clean and in_order:
        return 0
    _say("FAILED, see the lines above; data and logs are kept")
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--folder", type=Path, help="for data and logs; by default a temporary one")
    return parser.parse_args()


def _havoc(scene: Scene, *, kills: int, talk: bool) -> list[tuple[str, datetime]]:
    """Strike until so many faults have struck; one that found no victim is made up for by another draw."""
    history: list[tuple[str, datetime]] = []
    scene.crowd.tend()
    time.sleep(_WARM_UP)
    while len(history) < kills:
        for kind in drawn(kills - len(history), dice=scene.dice):
            scene.crowd.tend()
            if strike(kind, scene):
                history.append((kind, datetime.now(UTC)))
                if talk:
                    sys.stderr.write(f"\r{len(history)} of {kills}: {kind:<44}\r")
            time.sleep(scene.dice.uniform(0, _PAUSE))
    return history


def _drain(installation: Installation, crowd: Crowd) -> None:
    """Let everybody live, the writers end, and the rest finish its work."""
    crowd.calm_down()
    deadline = time.monotonic() + _DRAINED_WITHIN
    while time.monotonic() < deadline:
        crowd.tend()
        if everything_arrived(installation):
            return
        time.sleep(0.2)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _in_order(verified: str) -> bool:
    try:
        found = json.loads(verified)
    except json.JSONDecodeError:
        return False
    return bool(found["in_order"] and found["pending_events"] == 0 and found["quarantined_events"] == 0)


if __name__ == "__main__":
    sys.exit(main())
