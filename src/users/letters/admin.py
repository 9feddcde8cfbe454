"""The letters that wait, or were given up, in Django's admin. The token of a letter is nowhere."""

from django.contrib import admin, messages
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest

from outbox.admin import ReadOnly
from outbox.client import EventLogClient
from users.events import LetterRevived
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
                is_revived = _revive(letter)
            except IntegrityError:
                self.message_user(request, f"{letter}: another like it waits already", level=messages.WARNING)
            else:
                done = "will be sent" if is_revived else "is not given up, and tried again by itself"
                self.message_user(request, f"{letter}: {done}", level=messages.SUCCESS)
        nudge()


def _revive(letter: Letter) -> bool:
    """Have a letter sent that was given up. One that waits is left alone: somebody may be sending it just now."""
    with transaction.atomic():
        given_up = Letter.objects.filter(pk=letter.pk, given_up_at__isnull=False)
        if not given_up.update(given_up_at=None, attempts=0, due_at=Now()):
            return False
        EventLogClient.record(LetterRevived(kind=letter.kind, user_id=letter.user_id))
    return True
