"""Django's admin with our own site in it, looked for when it is needed and not at every start.

Its pages bring half the web along, which a worker or a management command has no use for: 0.5 of 1.2 s of processor.
"""

from typing import Any

from django.contrib import admin
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
    admin.autodiscover()
    return check_admin_app(**asked)
