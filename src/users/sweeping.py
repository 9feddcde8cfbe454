"""Forgets the sessions of people who have not come back: those of the admin, and tokens."""

from collections.abc import Collection
from datetime import timedelta
from importlib import import_module
from itertools import batched

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from knox.models import AuthToken

# So long is the use of an expired token still recognised, and recorded; then it is a token like any other that is none.
_RECOGNISED = timedelta(days=30)
_LOOKED_UP_AT_ONCE = 100_000
_SWEPT_AT_ONCE = 1000

log = structlog.get_logger(__name__)


def sweep() -> None:
    """Forget what is long past: the admin's sessions in one statement, by their index; tokens in small steps.

    Knox has no index on a token's expiry, so all of them are looked through, once for many steps.
    """
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    swept = 0
    while past := list(_past().values_list("digest", flat=True)[:_LOOKED_UP_AT_ONCE]):
        gone = sum(map(_sweep_some, batched(past, _SWEPT_AT_ONCE)))
        swept += gone
        if not gone or len(past) < _LOOKED_UP_AT_ONCE:
            break
    if swept:
        log.info("sessions_swept", tokens=swept)


def _past() -> QuerySet[AuthToken]:
    past: QuerySet[AuthToken] = AuthToken.objects.filter(expiry__lt=timezone.now() - _RECOGNISED)
    return past


def _sweep_some(digests: Collection[str]) -> int:
    with transaction.atomic():
        # A login forgets its own person's: neither waits for the other.
        some = _past().filter(digest__in=digests).select_for_update(skip_locked=True)
        return int(AuthToken.objects.filter(digest__in=list(some.values_list("digest", flat=True))).delete()[0])
