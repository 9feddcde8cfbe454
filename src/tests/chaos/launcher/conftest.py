"""A folder for a launcher under test, and the launchers that a test starts in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.launcher.launched import Launched, Start
from tests.folders import passable_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with passable_folder("launcher-") as path:
        yield path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    started: list[Launched] = []

    def start(*arguments: str, **options: object) -> Launched:
        started.append(Launched(*arguments, folder=folder, **options))  # type: ignore[arg-type]  # passed on as given
        return started[-1]

    yield start
    for launched in started:
        launched.close()
