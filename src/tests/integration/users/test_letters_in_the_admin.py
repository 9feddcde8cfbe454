"""Letters that were given up, in Django's admin."""

import pytest
from django.utils import timezone

from users.models import Letter

pytestmark = pytest.mark.django_db(transaction=True)


def test_letters_that_were_given_up_are_sent_again(admin, ada):
    letter = Letter.objects.create(kind="password_changed", user=ada, address=ada.email, given_up_at=timezone.now())
    page = admin.get("/admin/users/letter/")
    assert b"password_changed" in page.content or b"Password Changed" in page.content
    chosen = {"action": "send_again", "_selected_action": [str(letter.pk)]}
    admin.post("/admin/users/letter/", chosen)
    letter.refresh_from_db()
    assert (letter.given_up_at, letter.attempts) == (None, 0)
    twin = Letter.objects.create(kind="password_changed", user=ada, address=ada.email, given_up_at=timezone.now())
    page = admin.post("/admin/users/letter/", {**chosen, "_selected_action": [str(twin.pk)]}, follow=True)
    assert b"waits already" in page.content
