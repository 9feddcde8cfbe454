"""A folder for a launcher under test, and the launchers that a test starts in it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.launcher.launched import Launched, Start


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own, which other users cannot pass through: PostgreSQL may run as one."""
    path = Path(tempfile.mkdtemp(prefix="launcher-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    started: list[Launched] = []

    def start(*arguments: str, **options: object) -> Launched:
        started.append(Launched(*arguments, folder=folder, **options))  # type: ignore[arg-type]  # passed on as given
        return started[-1]

    yield start
    for launched in started:
        launched.close()
