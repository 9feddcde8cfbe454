"""The whole suite at once (`make test`): several processes of pytest-xdist, each on a stack of its own.

They share no server, so no test knows of its neighbours. Tests go to them by module, those that take longest first.
"""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from devstack import environment, folder

# Each has engines and applications of its own, some 2 GB of memory.
_MOST = 4
# Tests wait for a third of their time: for processes to start, for a tick, for somebody to notice.
_WHO_WAIT = 1
_ADDRESSES = ("DATABASE_URL", "REDIS_URL", "CLICKHOUSE_HOST")
# Modules whose tests share processes that take long to start.
TOGETHER = (
    "acceptance/(test_http|test_journey|test_metrics|test_outage_seen|test_trying_again).py",
    "acceptance/observability/",
    "production/(test_postgres|test_restore).py",
)
# Lest one process is still at it when all others have finished.
LONGEST_FIRST = (
    TOGETHER[1],
    TOGETHER[0],
    "acceptance/test_bench.py",
    "chaos/launcher/test_kill_matrix.py",
    "acceptance/test_rolling_restart.py",
    "chaos/test_kills.py",
    "chaos/test_failover.py",
    TOGETHER[2],
    "fuzz/",
    "acceptance/",
    "integration/outbox/",
    "production/",
    "chaos/",
)


class ByModule(LoadScopeScheduling):
    """Hands out what stays together, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """What stays together with this test: as a rule its module."""
    module = nodeid.partition("::")[0]
    return next((unit for unit in TOGETHER if re.search(unit, module)), module)


def place_of(nodeid: str) -> int:
    """How early a test is handed out: 0 comes first."""
    return next((place for place, path in enumerate(LONGEST_FIRST) if re.search(path, nodeid)), len(LONGEST_FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: 0, that is this process alone, on servers of which nobody could start another set."""
    return min((os.cpu_count() or 1) + _WHO_WAIT, _MOST) if _devstack_started_the_servers() else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: Sequence[Any]) -> None:
    """Start the first worker on the stack that we have, and each other one in a `devstack exec` of its own."""
    if len(specs) > 1 and not _devstack_started_the_servers():
        raise pytest.UsageError("several processes need a stack each: leave out -n, or let devstack start the servers")
    without_ours = ["env", *(part for name in _ADDRESSES for part in ("-u", name))]
    for spec in specs[1:]:
        spec.python = shlex.join([*without_ours, sys.executable, "-m", "devstack", "exec", "--", sys.executable])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:
    config.option.loadscopereorder = False
    return ByModule(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: place_of(item.nodeid))


def _devstack_started_the_servers() -> bool:
    try:
        started = environment.read(folder.configured())
    except environment.NotRunning:
        return False
    return all(name in started and os.environ.get(name) == started[name] for name in _ADDRESSES)
