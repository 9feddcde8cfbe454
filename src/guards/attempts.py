"""What is remembered of attempts: how many there were, where somebody is at home, which letters were written.

In Redis, by `guards.counters`; how many are too many is in the settings (THROTTLE_RATES).
"""

from functools import cache

import structlog
from django.conf import settings
from limits import RateLimitItem, parse_many

from guards.counters import counters
from guards.events import RequestThrottled
from guards.origin import Origin, digest_of, on_record
from kit.errors import DomainError
from outbox.client import EventLogClient

log = structlog.get_logger(__name__)

_FAMILIAR_SECONDS = 30 * 86400
_LETTER_SECONDS = 180


class TooManyAttempts(DomainError):
    """Too many attempts: try again in {retry_after} seconds."""


def take(rate: str, origin: Origin, *key: str, times: int = 1) -> None:
    """Count one attempt against each limit of the rate, or a multiple of it. Raises TooManyAttempts."""
    for each in _limits(rate):
        limit = type(each)(each.amount * times, each.multiples)
        if wait := counters().take(limit, rate, *key):
            # Recorded once a window, however many follow: a flood must not fill the outbox.
            if counters().is_first(limit.get_expiry(), "throttled", str(limit), rate, *key):
                log.warning("request_throttled", rate=rate, limit=str(limit))
                EventLogClient.record_alone(
                    RequestThrottled(rate=rate, network=origin.network, account=on_record(origin.account))
                )
            raise TooManyAttempts(retry_after=wait)


def forget(rate: str, *key: str) -> None:
    """Start such a count anew."""
    for limit in _limits(rate):
        counters().forget(limit, rate, *key)


def make_familiar(origin: Origin) -> None:
    """The account's owner is at home in this network from now on: a login, or a reset by e-mail, has proved it."""
    counters().remember(_FAMILIAR_SECONDS, "familiar", origin.account_digest, origin.network)


def is_familiar(origin: Origin) -> bool:
    """Whether that has been so within the last month."""
    return counters().remembers(_FAMILIAR_SECONDS, "familiar", origin.account_digest, origin.network)


def was_written_of_late(kind: str, address: str) -> bool:
    """Whether somebody, wherever, has had a letter of this kind to this address written in the last few minutes."""
    return settings.THROTTLES and counters().remembers(_LETTER_SECONDS, "letter", kind, digest_of(address))


def remember_written(kind: str, address: str) -> None:
    """Such a letter was written: another would only fill the letter-box."""
    if settings.THROTTLES:
        counters().remember(_LETTER_SECONDS, "letter", kind, digest_of(address))


def _limits(rate: str) -> list[RateLimitItem]:
    """The limits of a rate, e.g. 30 a minute and 300 an hour; none if its setting is empty."""
    return _parsed(settings.THROTTLE_RATES[rate]) if settings.THROTTLES else []


@cache
def _parsed(written: str) -> list[RateLimitItem]:
    return parse_many(written) if written else []
