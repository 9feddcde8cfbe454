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
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from guards.counters import counters
from guards.events import RequestThrottled
from guards.network import neighbourhood_of
from guards.origin import Origin, digest_of, on_record
from kit.api import Guard, Handle, Refusals
from kit.errors import DomainError
from outbox.client import EventLogClient

log = structlog.get_logger(__name__)

_FAMILIAR_SECONDS = 30 * 86400
_LETTER_SECONDS = 180
_NEIGHBOURS = 16


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

    def origin(self, request: Request) -> Origin:
        return Origin.of(request)

    def _admit(self, request: Request) -> Origin:
        try:
            origin = self.origin(request)
        except APIException:  # what cannot be read is an attempt as well
            self.admit(Origin.at(request, account=""))
            raise
        self.admit(origin)
        return origin


@dataclass(frozen=True)
class PerNetwork(Throttle):
    """So many attempts from one network, whatever comes of them; sixteen times as many from all of its neighbours.

    Where no network can be known (a Unix socket) all attempts are those of one network.
    """

    rate: str

    def admit(self, origin: Origin) -> None:
        _take(self.rate, origin, origin.network)
        if around := neighbourhood_of(origin.network):
            _take(self.rate, origin, around, times=_NEIGHBOURS)


@dataclass(frozen=True, kw_only=True)
class PerAccount(Throttle):
    """So many attempts of one kind on one account from one network, whatever comes of them.

    From elsewhere others may use up their own number, not that of the account's owner.
    """

    rate: str
    kind: str

    def admit(self, origin: Origin) -> None:
        if origin.account:
            _take(self.rate, origin, self.kind, origin.account_digest, origin.network)


@dataclass(frozen=True)
class PerPerson(Throttle):
    """So many calls of somebody who is logged in, wherever they are. Nobody else can add to these."""

    rate: str

    def admit(self, origin: Origin) -> None:
        if origin.person:
            _take(self.rate, origin, origin.person)


@dataclass(frozen=True, kw_only=True)
class PerAddressee(PerAccount):
    """The same for the address in the body, whoever is logged in."""

    def origin(self, request: Request) -> Origin:
        return Origin.at_body(request)


class Failures(Throttle):
    """So many failures to prove that an account is one's own.

    An attempt counts before its outcome is known, lest many at once slip through; success starts the count anew.
    """

    async def counted(self, request: Request, handle: Handle) -> HttpResponseBase:
        origin = await sync_to_async(self._admit, thread_sensitive=True)(request)
        response = await handle()
        if response.status_code < HTTPStatus.BAD_REQUEST:
            await sync_to_async(self.proved, thread_sensitive=True)(origin)
        return response

    def proved(self, origin: Origin) -> None:
        """The attempt has succeeded."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Guesses(Failures):
    """Few failures on one account from one network, more from all networks together.

    A network that the owner has been in lately is familiar: what others do elsewhere does not count there, so nobody
    can lock the owner out.
    """

    near: str
    far: str

    def admit(self, origin: Origin) -> None:
        if not (origin.account and settings.THROTTLES):
            return
        _take(self.near, origin, origin.account_digest, origin.network)
        if not _is_familiar(origin):
            _take(self.far, origin, origin.account_digest)

    def proved(self, origin: Origin) -> None:
        if not (origin.account and settings.THROTTLES):
            return
        _forget(self.near, origin.account_digest, origin.network)
        make_familiar(origin)


@dataclass(frozen=True, kw_only=True)
class OwnGuesses(Failures):
    """Few failures of somebody who is logged in, wherever they are. Strangers cannot add to these."""

    near: str

    def admit(self, origin: Origin) -> None:
        if origin.person:
            _take(self.near, origin, "logged_in", origin.person)

    def proved(self, origin: Origin) -> None:
        if origin.person and settings.THROTTLES:
            _forget(self.near, "logged_in", origin.person)
            make_familiar(origin)


def was_written_of_late(kind: str, address: str) -> bool:
    """Whether somebody, wherever, has had a letter of this kind to this address written in the last few minutes."""
    return settings.THROTTLES and counters().remembers(_LETTER_SECONDS, "letter", kind, digest_of(address))


def remember_written(kind: str, address: str) -> None:
    """Such a letter was written: another would only fill the letter-box."""
    if settings.THROTTLES:
        counters().remember(_LETTER_SECONDS, "letter", kind, digest_of(address))


def make_familiar(origin: Origin) -> None:
    """The account's owner is at home in this network from now on: a login, or a reset by e-mail, has proved it."""
    counters().remember(_FAMILIAR_SECONDS, "familiar", origin.account_digest, origin.network)


def _is_familiar(origin: Origin) -> bool:
    return counters().remembers(_FAMILIAR_SECONDS, "familiar", origin.account_digest, origin.network)


def _take(rate: str, origin: Origin, *key: str, times: int = 1) -> None:
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


def _forget(rate: str, *key: str) -> None:
    for limit in _limits(rate):
        counters().forget(limit, rate, *key)


def _limits(rate: str) -> list[RateLimitItem]:
    """The limits of a rate, e.g. 30 a minute and 300 an hour; none if its setting is empty."""
    return _parsed(settings.THROTTLE_RATES[rate]) if settings.THROTTLES else []


@cache
def _parsed(written: str) -> list[RateLimitItem]:
    return parse_many(written) if written else []
