import os
from collections.abc import Iterator

import pytest
import redis
from django.test import Client

from guards.counters import Counters
from tests.integration.users.conftest import _cheap_hashes, _events_of_this_test, ada, letters, root

__all__ = ["_cheap_hashes", "_events_of_this_test", "ada", "letters", "root"]

# A database of its own in the stack's Redis, so that it may be emptied.
DATABASE = "/13"


@pytest.fixture
def shared() -> Iterator[redis.Redis]:
    """Redis, empty, as the counters of this test see it."""
    url = os.environ["REDIS_URL"].rpartition("/")[0] + DATABASE
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def fresh_counters(shared: redis.Redis, settings, monkeypatch) -> Counters:
    """Counters that have counted nothing yet."""
    settings.REDIS_URL = settings.REDIS_URL.rpartition("/")[0] + DATABASE
    own = Counters(settings.REDIS_URL)
    monkeypatch.setattr("guards.attempts.counters", lambda: own)
    return own


@pytest.fixture
def throttled(fresh_counters: Counters, settings) -> None:
    """Throttles are on, and nobody has tried anything yet."""
    settings.THROTTLES = True


@pytest.fixture
def api() -> Client:
    return Client(headers={"Host": "localhost"})


@pytest.fixture
def low_rates(settings) -> None:
    """Rates that are soon used up, behind a proxy that says where people come from."""
    settings.TRUSTED_PROXIES = 1
    settings.THROTTLE_RATES = {
        "login_per_network": "20/minute",
        "guesses_near": "3/15 minutes",
        "guesses_far": "6/15 minutes",
        "changes_per_person": "4/minute",
        "registration_per_network": "2/minute;4/hour",
        "registration_per_account": "3/hour",
        "mail_per_network": "20/hour",
        "mail_per_account": "5/hour",
    }
