"""Where everything is."""

from django.contrib import admin
from django.urls import include, path

from core import health

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("users.api.urls")),
    path("livez", health.livez),
    path("readyz", health.readyz),
]
