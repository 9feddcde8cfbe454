"""Accounts in Django's admin. What is done here is recorded in its own transaction; the actor is who did it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken

from kit.errors import DomainError
from outbox.client import EventLogClient
from users import admin_groups, administration, hashing
from users.admin_site import record_denial
from users.administration import PasswordForm
from users.events import UserRegistered
from users.hashing import HashingBusy
from users.letters import admin as letters_admin
from users.models import User
from users.staff import AccountProtected, may_decide_about
from users.use_cases.activate_user import ActivateUser
from users.use_cases.deactivate_user import DeactivateUser
from users.use_cases.delete_account import delete

__all__ = ["UserAdmin", "admin_groups", "letters_admin"]

# Tokens are given by logins and taken away with events; Knox's own page would do either behind their back.
admin.site.unregister(AuthToken)

_PRIVILEGES = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]  # Django's class takes no arguments at run time
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    list_display = ("email", "first_name", "last_name", "is_active", "is_staff", "is_verified", "created_at")
    list_filter = (
        "is_active", "is_staff", "is_superuser", ("email_verified_at", admin.EmptyFieldListFilter),
        ("deleted_at", admin.EmptyFieldListFilter), "created_at", "groups",
    )  # fmt: skip
    search_fields = ("email", "first_name", "last_name", "id__exact")
    readonly_fields = ("last_login", "created_at", "email_verified_at", "pending_email", "deleted_at")
    actions = ("activate", "deactivate")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Person", {"fields": ("first_name", "last_name")}),
        ("Permissions", {"fields": ("is_active", *_PRIVILEGES)}),
        ("State", {"fields": readonly_fields}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),)
    change_password_form = PasswordForm

    @admin.display(description="verified", boolean=True, ordering="email_verified_at")
    def is_verified(self, user: User) -> bool:
        return user.email_verified_at is not None

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> User | None:
        """The account, locked while it is changed: its forms write all of it."""
        user = super().get_object(request, object_id, from_field)
        if user is not None and request.method == "POST" and connection.in_atomic_block:
            return User.objects.locked().get(pk=user.pk)
        return user

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Iterable[str]:  # type: ignore[override]
        """Nobody gives themselves what they do not have, and nobody locks themselves out.

        One's own address is changed over the API, with the password and a letter: an open session is not enough.
        """
        privileges = () if request.user.is_superuser else _PRIVILEGES
        own = (
            ("is_active", "email", "is_staff", "is_superuser") if obj is not None and obj.pk == request.user.pk else ()
        )
        return (*self.readonly_fields, *privileges, *own)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _may_decide(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_own = obj is not None and obj.pk == request.user.pk
        return not is_own and _may_decide(request, obj) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        if change:
            before = User.objects.get(pk=obj.pk)
            super().save_model(request, obj, form, change)
            administration.record_changes(before=before, after=obj)
        else:
            obj.email_verified_at = timezone.now()  # who adds an account vouches for its address
            # The hash in a second statement: PostgreSQL logs one that is refused, as for an address just taken.
            hashed, obj.password = obj.password, ""
            super().save_model(request, obj, form, change)
            obj.password = hashed
            obj.save(update_fields=["password"])
            EventLogClient.record(UserRegistered(user_id=obj.pk, email=obj.email))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        super().save_related(request, form, formsets, change)
        if fields := sorted(set(form.changed_data) & set(_PRIVILEGES)):
            administration.record_permissions(form.instance, fields=fields)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Set somebody's password; one's own takes the old one, on another page."""
        if self.get_object(request, unquote(id)) == request.user:
            return HttpResponseRedirect(reverse("admin:password_change", current_app=self.admin_site.name))

        def page() -> HttpResponse:
            with transaction.atomic():
                return super(UserAdmin, self).user_change_password(request, id, form_url)

        return self._when_it_may_hash(request, page)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return self._when_it_may_hash(request, partial(super().add_view, request, form_url, extra_context))

    def _when_it_may_hash(self, request: HttpRequest, page: Callable[[], HttpResponse]) -> HttpResponse:
        """The page. What is sent to it is hashed, so it takes a turn first, before it holds a connection or a lock."""
        if request.method != "POST":
            return page()
        try:
            with hashing.turn():
                return page()
        except HashingBusy as busy:
            self.message_user(request, str(busy), level=messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What is shown before deleting. Nothing else goes, for the rows stay, as tombstones."""
        protected = [str(user) for user in objs if not self.has_delete_permission(request, user)]
        return [str(user) for user in objs], {"users": len(objs)}, set(), protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with transaction.atomic():
            for user in User.objects.locked().filter(pk__in=queryset.values("pk"), deleted_at=None).order_by("pk"):
                delete(user)

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._decide(request, users, ActivateUser, done="Activated.")

    @admin.action(description="Deactivate selected users", permissions=["change"])
    def deactivate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._decide(request, users, DeactivateUser, done="Deactivated.")

    def _decide(
        self, request: HttpRequest, users: QuerySet[User], decision: type[ActivateUser | DeactivateUser], *, done: str
    ) -> None:
        by = cast("User", request.user)
        for user in users.order_by("pk"):
            try:
                with transaction.atomic():
                    self.log_change(request, decision(user_id=user.pk, by=by).execute(), done)
            except DomainError as error:
                if isinstance(error, AccountProtected):
                    record_denial(request)
                self.message_user(request, f"{user}: {error}", level=messages.WARNING)
            else:
                self.message_user(request, f"{user}: {done}", level=messages.SUCCESS)


def _may_decide(request: HttpRequest, user: User | None) -> bool:
    """Nobody changes a tombstone, or an account that may do more than they may."""
    return user is None or (user.deleted_at is None and may_decide_about(user, by=cast("User", request.user)))
