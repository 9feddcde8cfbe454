"""The letters that wait, or were given up, in Django's admin. The token of a letter is nowhere."""

from django.contrib import admin, messages
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest

from outbox.admin import ReadOnly
from users.letters.nudge import nudge
from users.models import Letter


@admin.register(Letter)
class LetterAdmin(ReadOnly):
    list_display = ("id", "kind", "user", "address", "created_at", "due_at", "attempts", "given_up_at", "reason")
    list_filter = ("kind", ("given_up_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("address",)
    ordering = ("due_at",)
    actions = ("send_again",)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may change letters in general may have one sent."""
        return request.user.has_perm("users.change_letter")

    @admin.action(description="Send again", permissions=["decide"])
    def send_again(self, request: HttpRequest, letters: QuerySet[Letter]) -> None:
        for letter in letters:
            try:
                with transaction.atomic():
                    Letter.objects.filter(pk=letter.pk).update(given_up_at=None, attempts=0, due_at=Now())
            except IntegrityError:
                self.message_user(request, f"{letter}: another like it waits already", level=messages.WARNING)
            else:
                self.message_user(request, f"{letter}: will be sent", level=messages.SUCCESS)
        nudge()
