"""promtool, Prometheus' own judge of alert rules. Where there is none, whatever needs it is skipped and says so."""

import shutil
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_FOUND = shutil.which("promtool") or shutil.which("promtool", path=str(_ROOT / ".tools" / "bin"))

needs_promtool = pytest.mark.skipif(
    _FOUND is None, reason="there is no promtool: `sh bin/promtool` fetches it where Debian's packages can be had"
)


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in this folder."""
    assert _FOUND is not None, "mark the test with needs_promtool"
    return subprocess.run([_FOUND, *arguments], cwd=folder, capture_output=True, text=True, check=False)
