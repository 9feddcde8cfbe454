"""Django's admin with our own site in it, looked for when it is needed and not at every start.

Its pages bring half the web along, 0.5 of 1.2 s of processor, which a worker has no use for, nor has a command without
Django's checks (`outbox`, `migrate_event_store`); all others run `_check_pages` first.
"""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.admin import apps
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class AdminConfig(apps.SimpleAdminConfig):
    default_site = "users.admin_site.AdminSite"

    def ready(self) -> None:
        """Register Django's checks of the admin, which see its pages only if these have been looked for."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def _check_pages(**asked: Any) -> list[checks.CheckMessage]:
    # By way of the module that looks for them: runserver's reloader imports it in another thread at the same time, and
    # two threads that look for pages would each find half of them.
    import_module(settings.ROOT_URLCONF)
    return check_admin_app(**asked)
