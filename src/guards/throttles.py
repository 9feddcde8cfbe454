"""Throttles: how often somebody may try. A view says `guards = (PerNetwork("login_per_network"), …)`.

The rates are settings (THROTTLE_RATES); docs/security.md says why they are what they are.
"""

from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import ClassVar

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpResponseBase
from limits import RateLimitItem, parse_many
from rest_framework.request import Request

from guards.counters import counters
from guards.events import RequestThrottled
from guards.origin import Origin
from kit.api import Guard, Handle, Refusals
from kit.errors import DomainError
from outbox.client import EventLogClient

log = structlog.get_logger(__name__)

_FAMILIAR_SECONDS = 30 * 86400


class TooManyAttempts(DomainError):
    """Too many attempts: try again in {retry_after} seconds."""


class Throttle(Guard):
    """A guard that counts attempts and refuses those that come too often: 429 with Retry-After."""

    refusals: ClassVar[Refusals] = {TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS}

    async def around(self, request: Request, handle: Handle) -> HttpResponseBase:
        return await (self.counted(request, handle) if settings.THROTTLES else handle())

    async def counted(self, request: Request, handle: Handle) -> HttpResponseBase:
        """Answer the request if it may pass."""
        await sync_to_async(self._admit, thread_sensitive=True)(request)
        return await handle()

    def admit(self, origin: Origin) -> None:
        """Count one attempt. Raises TooManyAttempts."""
        raise NotImplementedError

    def _admit(self, request: Request) -> Origin:
        origin = Origin.of(request)
        self.admit(origin)
        return origin


@dataclass(frozen=True)
class PerNetwork(Throttle):
    """So many attempts from one network, whatever comes of them."""

    rate: str

    def admit(self, origin: Origin) -> None:
        if origin.network:
            _take(self.rate, origin, origin.network)


@dataclass(frozen=True)
class PerAccount(Throttle):
    """So many attempts on one account, whoever makes them and whatever comes of them."""

    rate: str

    def admit(self, origin: Origin) -> None:
        if origin.account:
            _take(self.rate, origin, origin.account_digest)


@dataclass(frozen=True, kw_only=True)
class Guesses(Throttle):
    """So many failures to prove that an account is one's own: few from one network, more from all networks together.

    A network that the owner has been in lately is familiar: what others do elsewhere does not count there, so nobody
    can lock the owner out. An attempt counts before its outcome is known, lest many at once slip through; success wipes
    the slate of its network.
    """

    near: str
    far: str

    async def counted(self, request: Request, handle: Handle) -> HttpResponseBase:
        origin = await sync_to_async(self._admit, thread_sensitive=True)(request)
        response = await handle()
        if response.status_code < HTTPStatus.BAD_REQUEST:
            await sync_to_async(self.proved, thread_sensitive=True)(origin)
        return response

    def admit(self, origin: Origin) -> None:
        if not (origin.account and settings.THROTTLES):
            return
        _take(self.near, origin, origin.account_digest, origin.network)
        if not _is_familiar(origin):
            _take(self.far, origin, origin.account_digest)

    def proved(self, origin: Origin) -> None:
        """The attempt has succeeded."""
        if not (origin.account and settings.THROTTLES):
            return
        for limit in _limits(self.near):
            counters().forget(limit, self.near, origin.account_digest, origin.network)
        make_familiar(origin)


def make_familiar(origin: Origin) -> None:
    """The account's owner is at home in this network from now on: a login, or a reset by e-mail, has proved it."""
    counters().remember(_FAMILIAR_SECONDS, "familiar", origin.account_digest, origin.network)


def _is_familiar(origin: Origin) -> bool:
    return counters().remembers(_FAMILIAR_SECONDS, "familiar", origin.account_digest, origin.network)


def _take(rate: str, origin: Origin, *key: str) -> None:
    """Count one attempt against each limit of the rate. Raises TooManyAttempts."""
    for limit in _limits(rate):
        if wait := counters().take(limit, rate, *key):
            # Recorded once a window, however many follow: a flood must not fill the outbox.
            if counters().is_first(limit.get_expiry(), "throttled", str(limit), rate, *key):
                log.warning("request_throttled", rate=rate, limit=str(limit))
                EventLogClient.record_alone(
                    RequestThrottled(rate=rate, network=origin.network, account=origin.account_on_record)
                )
            raise TooManyAttempts(retry_after=wait)


def _limits(rate: str) -> list[RateLimitItem]:
    """The limits of a rate, e.g. 30 a minute and 300 an hour; none if its setting is empty."""
    return _parsed(settings.THROTTLE_RATES[rate]) if settings.THROTTLES else []


@cache
def _parsed(written: str) -> list[RateLimitItem]:
    return parse_many(written) if written else []
