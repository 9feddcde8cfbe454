"""Proving an address to be one's own; with verification nobody logs in before."""

import pytest
from django.utils import timezone
from knox.models import AuthToken

from outbox.models import OutboxEvent
from tests.integration.users.conftest import PASSWORD, contexts, log_in, post, token_in
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_with_verification_nobody_logs_in_before_they_have_read_their_letter(api, letters, settings):
    settings.EMAIL_VERIFICATION_REQUIRED = True
    post(api, "/api/users/", {"email": "Ada@example.com", "password": PASSWORD})
    refused = log_in(api)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:problem:email-not-verified")
    assert log_in(api, password="wrong").status_code == 401
    assert len(contexts("user_login_failed", email="ada@example.com", reason="unverified")) == 1
    (letter,) = letters()
    token = token_in(letter)
    assert post(api, "/api/auth/verify-email/confirm/", {"token": token}).status_code == 204
    assert log_in(api).status_code == 200
    assert post(api, "/api/auth/verify-email/confirm/", {"token": token}).status_code == 400
    assert len(contexts("user_email_verified")) == 1


def test_without_verification_no_letter_is_sent_to_new_accounts(api, letters):
    post(api, "/api/users/", {"email": "Ada@example.com", "password": PASSWORD})
    assert letters() == []
    assert log_in(api).status_code == 200


def test_a_letter_to_verify_is_sent_again_to_whom_it_concerns(api, ada, letters):
    assert post(api, "/api/auth/verify-email/", {"email": "ada@example.com"}).status_code == 202
    assert post(api, "/api/auth/verify-email/", {"email": "nobody@example.com"}).status_code == 202
    assert [letter.to for letter in letters()] == [["Ada@example.com"]]
    User.objects.update(email_verified_at=timezone.now())
    post(api, "/api/auth/verify-email/", {"email": "ada@example.com"})
    assert letters() == []
    asked = contexts("user_email_verification_requested")
    assert [each["user_id"] for each in asked] == [ada.pk, None, ada.pk]
    assert AuthToken.objects.count() == 0
    assert not OutboxEvent.objects.filter(context__contains=PASSWORD).exists()
