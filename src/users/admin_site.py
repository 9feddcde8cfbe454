"""Django's admin, whose own doors are guarded and recorded like the API's."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from users.admin_login import AdminLoginForm
from users.admin_password import OwnPasswordView


class AdminSite(admin.AdminSite):
    login_form = AdminLoginForm

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Change one's own password as over the API."""
        request.current_app = self.name
        view = OwnPasswordView.as_view(
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)
