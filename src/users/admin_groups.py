"""Groups in Django's admin. Whoever changes one changes what people may do, so it takes a superuser and is recorded."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from outbox.client import EventLogClient
from users.events import GroupChanged, GroupDeleted

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:  # noqa: ARG002 -- Django's
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:  # noqa: ARG002 -- Django's
        return bool(request.user.is_superuser)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        super().save_related(request, form, formsets, change)
        if form.changed_data:
            group = form.instance
            permissions = group.permissions.values_list("content_type__app_label", "codename")
            named = sorted(f"{app}.{name}" for app, name in permissions)
            EventLogClient.record(GroupChanged(group_id=group.pk, group=group.name, permissions=named))

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        EventLogClient.record(GroupDeleted(group_id=obj.pk, group=obj.name))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        with transaction.atomic():
            for group in queryset.order_by("pk"):
                self.delete_model(request, group)
