import os
import stat
from pathlib import Path

import pytest

from devstack import folder
from devstack.folder import FolderInUse, FolderUnusable


def test_a_folder_serves_one_stack_at_a_time(tmp_path: Path) -> None:
    assert not folder.in_use(tmp_path)
    with folder.locked(tmp_path):
        assert folder.in_use(tmp_path)
        with pytest.raises(FolderInUse, match=rf"process {os.getpid()}\b"), folder.locked(tmp_path):
            pytest.fail("the lock was given twice")
    assert not folder.in_use(tmp_path)
    with folder.locked(tmp_path):
        assert folder.in_use(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnusable, match=r"file.*set DEVSTACK_DIR"), folder.locked(tmp_path / "file" / "below"):
        pytest.fail("there is no such folder")


def test_the_secret_key_is_made_once_and_kept_to_oneself(tmp_path: Path) -> None:
    key = folder.kept_secret(tmp_path)
    assert len(key) >= 50
    assert folder.kept_secret(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_folders_secrets_are_not_the_same(tmp_path: Path) -> None:
    assert folder.kept_secret(tmp_path, "password") != folder.kept_secret(tmp_path)
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600


def test_the_folder_is_beside_src_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DEVSTACK_DIR", raising=False)
    assert folder.configured() == folder.SOURCE.parent / ".devstack"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEVSTACK_DIR", "mine")
    assert folder.configured() == tmp_path / "mine"
