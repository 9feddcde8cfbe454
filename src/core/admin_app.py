"""Django's admin with our own site in it."""

from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    default_site = "users.admin_site.AdminSite"
