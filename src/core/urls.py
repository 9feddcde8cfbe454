"""Where everything is."""

from django.contrib import admin
from django.urls import include, path

from core.openapi.views import SchemaView, docs

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("users.api.urls")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", docs, name="docs"),
]
