"""Letters that were given up, in Django's admin."""

import pytest
from django.utils import timezone

from tests.integration.users.conftest import events
from users.models import Letter

pytestmark = pytest.mark.django_db(transaction=True)


def test_letters_that_were_given_up_are_sent_again(admin, root, ada):
    letter = Letter.objects.create(kind="password_changed", user=ada, address=ada.email, given_up_at=timezone.now())
    page = admin.get("/admin/users/letter/")
    assert b"password_changed" in page.content or b"Password Changed" in page.content
    chosen = {"action": "send_again", "_selected_action": [str(letter.pk)]}
    admin.post("/admin/users/letter/", chosen)
    letter.refresh_from_db()
    assert (letter.given_up_at, letter.attempts) == (None, 0)
    (revived,) = events("letter_revived", kind="password_changed", user_id=ada.pk)
    assert revived.actor_id == str(root.pk)
    twin = Letter.objects.create(kind="password_changed", user=ada, address=ada.email, given_up_at=timezone.now())
    page = admin.post("/admin/users/letter/", {**chosen, "_selected_action": [str(twin.pk)]}, follow=True)
    assert b"waits already" in page.content


def test_a_letter_that_waits_is_left_to_the_worker_who_may_be_sending_it(admin, ada):
    letter = Letter.objects.create(kind="password_changed", user=ada, address=ada.email, attempts=3)
    before = Letter.objects.values().get()
    chosen = {"action": "send_again", "_selected_action": [str(letter.pk)]}
    assert b"tried again by itself" in admin.post("/admin/users/letter/", chosen, follow=True).content
    assert Letter.objects.values().get() == before
    assert not events("letter_revived")
