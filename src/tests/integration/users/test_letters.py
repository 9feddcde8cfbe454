"""Letters: sent if committed, never lost, never a secret at rest; and the tokens in them."""

import re
import smtplib
import threading
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from knox.models import AuthToken
from kombu.exceptions import OperationalError

from outbox.models import OutboxEvent
from tests.integration.users.conftest import PASSWORD, at_once, contexts, events, log_in, logged_in, post, token_in
from users import tokens
from users.letters import desk, nudge
from users.letters.delivery import ATTEMPTS, deliver_due
from users.models import Letter, User
from users.tokens import TokenInvalid
from users.use_cases.request_password_reset import RequestPasswordReset
from users.use_cases.reset_password import ResetPassword

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "a long way up"
RESET = "/api/auth/password-reset/"


def reset(api, token, password=NEW):
    return post(api, f"{RESET}confirm/", {"token": token, "password": password})


def asked_for_reset(api, letters) -> str:
    assert post(api, RESET, {"email": "ada@example.com"}).status_code == 202
    (letter,) = letters()
    return token_in(letter)


def test_a_forgotten_password_is_replaced_and_all_sessions_end(api, ada, letters):
    headers = logged_in(api)
    token = asked_for_reset(api, letters)
    assert reset(api, token).status_code == 204
    assert api.get("/api/users/me/", headers=headers).status_code == 401
    assert (log_in(api).status_code, log_in(api, password=NEW).status_code) == (401, 200)
    (event,) = events("user_password_reset", user_id=ada.pk)
    assert event.actor_id == str(ada.pk)
    assert User.objects.get().email_verified_at is not None
    assert [letter.subject for letter in letters()] == ["Your password was changed"]


def test_a_token_works_once(api, ada, letters):
    token = asked_for_reset(api, letters)
    assert reset(api, token).status_code == 204
    response = reset(api, token, "a way around")
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem:token-invalid")
    assert contexts("user_token_refused") == [{"purpose": "reset_password", "reason": "invalid", "user_id": ada.pk}]


def test_of_two_resets_with_one_token_one_wins(ada, letters):
    RequestPasswordReset(email=ada.email).execute()
    (letter,) = letters()
    passwords = [NEW, "a way around", "a way about", "a way above"]
    outcomes = at_once(*(ResetPassword(token=token_in(letter), password=each).execute for each in passwords))
    assert outcomes.count(ada) == 1
    assert outcomes.count(TokenInvalid) == 3
    (winner,) = [each for each, outcome in zip(passwords, outcomes, strict=True) if outcome == ada]
    assert User.objects.get().check_password(winner)
    assert len(events("user_password_reset", user_id=ada.pk)) == 1


def test_a_token_expires(api, ada, letters):
    token = asked_for_reset(api, letters)
    with time_machine.travel(timezone.now() + timedelta(seconds=3601)):
        response = reset(api, token)
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem:token-expired")
    assert contexts("user_token_refused") == [{"purpose": "reset_password", "reason": "expired", "user_id": ada.pk}]


def test_a_password_that_will_not_do_leaves_the_token_good(api, ada, letters):
    token = asked_for_reset(api, letters)
    assert reset(api, token, "Lovelace").json()["errors"][0]["code"] == "password_too_similar"
    assert reset(api, token).status_code == 204


def test_logging_in_makes_a_token_pointless(api, ada, letters):
    token = asked_for_reset(api, letters)
    log_in(api)
    assert reset(api, token).status_code == 400


@pytest.mark.parametrize(
    "token", ["x", "1", "1:2:3", ":", "9" * 100, "99999999999999999999:a:b", "١:a:b", "-1:a:b", "a" * 200]
)
def test_whatever_else_is_brought_is_refused(api, ada, token):
    response = reset(api, token)
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem:token-invalid")


def test_a_token_is_good_for_one_purpose_and_one_account(api, ada):
    grace = User.objects.create_user("grace@example.com", PASSWORD)
    for token in (
        tokens.make("verify_email", ada),
        tokens.make("reset_password", ada).replace(f"{ada.pk}:", f"{grace.pk}:", 1),
        tokens.make("reset_password", ada)[:-1],
    ):
        assert reset(api, token).status_code == 400
    another = tokens.make("reset_password", ada)
    assert post(api, "/api/auth/verify-email/confirm/", {"token": another}).status_code == 400


def test_a_token_outlives_the_rotation_of_the_secret_key(ada, settings):
    token = tokens.make("reset_password", ada)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert tokens.check("reset_password", token, user=ada) == ada
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(TokenInvalid):
        tokens.check("reset_password", token, user=ada)


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_a_request_does_the_same_whether_anybody_has_the_address(api, ada, email, django_assert_num_queries):
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    with django_assert_num_queries(5) as queries:
        response = post(api, RESET, {"email": email})
    assert (response.status_code, response.content) == (202, b"")
    verbs = [re.search(r"^[A-Z]+", query["sql"], re.MULTILINE)[0] for query in queries.captured_queries]
    assert verbs == ["BEGIN", "SELECT", "INSERT", "INSERT", "COMMIT"]
    assert Letter.objects.values("kind", "user", "address").get() == {
        "kind": "reset_password", "user": None, "address": email,
    }  # fmt: skip


@pytest.mark.parametrize("change", [{"is_active": False}, {"email": "moved@example.com"}, {"password": "!unusable"}])
def test_nothing_is_sent_to_those_who_could_not_use_it(api, ada, letters, change):
    post(api, RESET, {"email": "ada@example.com"})
    User.objects.update(**change)
    assert letters() == []
    assert not Letter.objects.exists()
    assert contexts("letter_dropped") == [{"kind": "reset_password", "user_id": None}]


def test_a_letter_goes_to_the_address_as_the_account_has_it(api, ada, letters):
    post(api, RESET, {"email": "ADA@EXAMPLE.COM"})
    assert [letter.to for letter in letters()] == [["Ada@example.com"]]


def test_the_same_letter_waits_once_however_often_it_is_asked_for(api, ada, letters):
    for email in ("ada@example.com", "ADA@example.com", "ada@EXAMPLE.com"):
        assert post(api, RESET, {"email": email}).status_code == 202
    assert len(letters()) == 1


def test_a_link_leads_to_the_frontend_with_the_token_where_no_server_sees_it(api, ada, letters, settings):
    settings.FRONTEND_URL = "https://app.example.com"
    post(api, RESET, {"email": "ada@example.com"})
    (letter,) = letters()
    assert "https://app.example.com/reset-password#token=" in letter.body
    assert "Ada Lovelace" not in letter.body
    assert "1 hour" in letter.body


def test_nothing_is_sent_of_what_was_rolled_back(ada, letters):
    with transaction.atomic():
        desk.write(Letter.Kind.PASSWORD_CHANGED, address=ada.email, user=ada)
        transaction.set_rollback(True)
    assert letters() == []


def test_a_letter_is_not_written_outside_a_transaction(ada):
    with pytest.raises(desk.NoTransaction):
        desk.write(Letter.Kind.PASSWORD_CHANGED, address=ada.email, user=ada)


@pytest.mark.parametrize("fields", [{"kind": "password_changed"}, {"kind": "nonsense"}])
def test_the_database_refuses_a_letter_to_nobody(ada, fields):
    with pytest.raises(IntegrityError, match="users_letter_to_whom"), transaction.atomic():
        Letter.objects.create(address=ada.email, **fields)


def write(user: User) -> None:
    with transaction.atomic():
        desk.write(Letter.Kind.PASSWORD_CHANGED, address=user.email, user=user)


@pytest.mark.parametrize("failure", [smtplib.SMTPServerDisconnected("gone"), ConnectionRefusedError(), ValueError("?")])
def test_a_mail_server_that_fails_is_tried_again_later(ada, letters, monkeypatch, failure):
    def fail(*_: object) -> None:
        raise failure

    write(ada)
    with monkeypatch.context() as patched:
        patched.setattr(EmailBackend, "send_messages", fail)
        assert deliver_due(seconds=5) == 0
    letter = Letter.objects.get()
    assert (letter.attempts, letter.given_up_at) == (1, None)
    assert letter.due_at > timezone.now()
    assert letter.reason.startswith(type(failure).__name__)
    Letter.objects.update(due_at=timezone.now())
    assert len(letters()) == 1
    assert not Letter.objects.exists()


def test_a_letter_is_given_up_loudly_and_kept(ada, monkeypatch):
    def fail(*_: object) -> None:
        raise smtplib.SMTPRecipientsRefused({"ada@example.com": (550, b"no")})

    write(ada)
    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    for _ in range(ATTEMPTS + 2):
        deliver_due(seconds=5)
        Letter.objects.update(due_at=timezone.now())
    letter = Letter.objects.get()
    assert (letter.attempts, letter.given_up_at is None) == (ATTEMPTS, False)
    assert contexts("letter_given_up") == [{"kind": "password_changed", "user_id": ada.pk, "attempts": ATTEMPTS}]
    write(ada)  # what was given up does not stand in the way of the next
    assert Letter.objects.count() == 2


def test_many_workers_send_each_letter_once(db, settings):
    users = [User.objects.create(email=f"user{number}@example.com") for number in range(40)]
    for user in users:
        write(user)
    mail.outbox = []
    sent = at_once(*[lambda: deliver_due(seconds=20)] * 6)
    assert sum(sent) == len(users)
    assert sorted(letter.to[0] for letter in mail.outbox) == sorted(user.email for user in users)
    assert len(events("letter_sent")) == len(users)


def test_a_worker_that_comes_too_late_settles_nothing(ada, monkeypatch):
    write(ada)

    def take_longer(*_: object) -> int:
        Letter.objects.update(attempts=7)
        return 1

    monkeypatch.setattr(EmailBackend, "send_messages", take_longer)
    deliver_due(seconds=5)
    assert Letter.objects.get().attempts == 7
    assert events("letter_sent") == []


def test_a_nudge_neither_waits_nor_fails_whatever_the_broker_does(monkeypatch):
    called, release = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> None:
        called.set()
        release.wait(timeout=10)
        raise OperationalError("the broker is away")

    monkeypatch.setattr("users.letters.nudge.current_app", type("App", (), {"send_task": hang}))
    for _ in range(100):
        nudge.nudge()
    assert called.wait(timeout=10)
    release.set()
    called.clear()
    nudge.nudge()
    assert called.wait(timeout=10)


def test_no_token_is_kept_anywhere(api, ada, letters):
    token = asked_for_reset(api, letters)
    logged_in(api)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT array_agg(t::text)::text FROM "{table}" AS t')
            assert token.rpartition(":")[2] not in str(cursor.fetchone())


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
