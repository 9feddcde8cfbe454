"""Django's settings, one module a concern. A missing or malformed variable stops the start with one clear line."""

from django.core.exceptions import ImproperlyConfigured

try:
    from core.settings.accounts import *
    from core.settings.api import *
    from core.settings.application import *
    from core.settings.broker import *
    from core.settings.database import *
    from core.settings.event_store import *
    from core.settings.guards import *
    from core.settings.mail import *
    from core.settings.metrics import *
    from core.settings.observability import *
    from core.settings.openapi import *
    from core.settings.outbox import *
    from core.settings.security import *
except ImproperlyConfigured as error:
    raise SystemExit(f"settings: {error}") from None
