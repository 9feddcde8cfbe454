"""Throttles: how often somebody may try. A view says `guards = (PerNetwork("login_per_network"), …)`.

The rates are settings (THROTTLE_RATES); docs/security.md says why they are what they are.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from guards import attempts
from guards.network import neighbourhood_of
from guards.origin import Origin
from kit.api import Guard, Handle, Refusals

_NEIGHBOURS = 16


class Throttle(Guard):
    """A guard that counts attempts and refuses those that come too often: 429 with Retry-After."""

    refusals: ClassVar[Refusals] = {attempts.TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS}

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
        attempts.take(self.rate, origin, origin.network)
        if around := neighbourhood_of(origin.network):
            attempts.take(self.rate, origin, around, times=_NEIGHBOURS)


@dataclass(frozen=True, kw_only=True)
class PerAccount(Throttle):
    """So many attempts of one kind on one account from one network, whatever comes of them.

    From elsewhere others may use up their own number, not that of the account's owner.
    """

    rate: str
    kind: str

    def admit(self, origin: Origin) -> None:
        if origin.account:
            attempts.take(self.rate, origin, self.kind, origin.account_digest, origin.network)


@dataclass(frozen=True)
class PerPerson(Throttle):
    """So many calls of somebody who is logged in, wherever they are. Nobody else can add to these."""

    rate: str

    def admit(self, origin: Origin) -> None:
        if origin.person:
            attempts.take(self.rate, origin, origin.person)


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
        attempts.take(self.near, origin, origin.account_digest, origin.network)
        if not attempts.is_familiar(origin):
            attempts.take(self.far, origin, origin.account_digest)

    def proved(self, origin: Origin) -> None:
        if not (origin.account and settings.THROTTLES):
            return
        attempts.forget(self.near, origin.account_digest, origin.network)
        attempts.make_familiar(origin)


@dataclass(frozen=True, kw_only=True)
class OwnGuesses(Failures):
    """Few failures of somebody who is logged in, wherever they are. Strangers cannot add to these."""

    near: str

    def admit(self, origin: Origin) -> None:
        if origin.person:
            attempts.take(self.near, origin, "logged_in", origin.person)

    def proved(self, origin: Origin) -> None:
        if origin.person and settings.THROTTLES:
            attempts.forget(self.near, "logged_in", origin.person)
            attempts.make_familiar(origin)
