"""Where everything is."""

from django.contrib import admin
from django.urls import include, path

from core.openapi.views import SchemaView, docs

admin.autodiscover()  # here, since only who answers requests needs it (core.admin_app)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("users.api.urls")),
    path("api/", include("event_log.api.urls")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", docs, name="docs"),
]
