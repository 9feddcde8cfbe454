"""Folders for servers that tests start."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 4 * 2**30


@contextmanager
def passable_folder(prefix: str) -> Iterator[Path]:
    """A folder that other users can pass through, as pytest's own cannot be: PostgreSQL may run as one.

    In memory, if there is room: a server that keeps what it has acknowledged waits for the disk a thousand times, and
    it is processes that are killed here, not the machine. The folder stays if the block fails.
    """
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if in_memory else None))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)
