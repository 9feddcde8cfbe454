"""Letters: sent if committed, never lost, and once as far as anybody can."""

import smtplib
import threading

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from structlog.contextvars import get_contextvars

from core.identity import forget, identify
from outbox import context
from tests.integration.users.conftest import at_once, contexts, events, post
from users.letters import desk, nudge
from users.letters.delivery import ATTEMPTS, deliver_due
from users.models import Letter, User

pytestmark = pytest.mark.django_db(transaction=True)

RESET = "/api/auth/password-reset/"


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


def test_a_nudge_names_no_request_because_its_task_sends_the_letters_of_all(monkeypatch):
    sent, known = threading.Event(), []

    def note(*_: object, **__: object) -> None:
        known.append((context.request_id.get(), context.actor_id.get(), get_contextvars()))
        sent.set()

    monkeypatch.setattr("users.letters.nudge.current_app", type("App", (), {"send_task": note}))
    monkeypatch.setattr(nudge, "_thread", None)
    identify(request_id="r-1", trace="")
    context.remember_actor(7)
    try:
        nudge.nudge()
        assert sent.wait(timeout=10)
    finally:
        forget()
    assert {repr(each) for each in known} == {repr(("", "", {}))}  # of another test's nudge as well, perhaps


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
