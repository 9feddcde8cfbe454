"""Forgets the sessions of people who have not come back: those of the admin, and tokens."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from knox.models import AuthToken

# So long is the use of an expired token still recognised, and recorded; then it is a token like any other that is none.
_RECOGNISED = timedelta(days=30)
_SWEPT_AT_ONCE = 1000


def sweep() -> int:
    """Forget what is long past, in small steps; returns how many tokens."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    swept = 0
    while step := _sweep_some():
        swept += step
    return swept


def _sweep_some() -> int:
    with transaction.atomic():
        past = AuthToken.objects.filter(expiry__lt=timezone.now() - _RECOGNISED)
        # A login forgets its own person's: neither waits for the other.
        some = past.select_for_update(skip_locked=True).values_list("digest", flat=True)[:_SWEPT_AT_ONCE]
        return int(AuthToken.objects.filter(digest__in=list(some)).delete()[0])
