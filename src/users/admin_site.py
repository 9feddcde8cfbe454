"""Django's admin, whose own doors are guarded and recorded like the API's."""

from functools import wraps
from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse

from guards import denials
from users.admin_login import AdminLoginForm
from users.admin_password import OwnPasswordView


def record_denial(request: HttpRequest) -> None:
    """Record that an administrator asked for what is not theirs to ask."""
    page = request.resolver_match.view_name if request.resolver_match else request.path
    denials.record(request, user_id=cast("int", request.user.pk), resource=page)


class AdminSite(admin.AdminSite):
    login_form = AdminLoginForm

    def admin_view(self, view: Any, cacheable: Any = False) -> Any:  # noqa: FBT002 -- the signature is Django's
        """Every page of the admin; whoever asks for one and may not, leaves an event."""

        @wraps(view)
        def recording(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                return view(request, *args, **kwargs)
            except PermissionDenied:
                record_denial(request)
                raise

        return super().admin_view(recording, cacheable)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Change one's own password as over the API."""
        request.current_app = self.name
        view = OwnPasswordView.as_view(
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)
