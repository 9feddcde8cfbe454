"""Switching one's own account off, and deleting it."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, transaction
from django.utils import timezone
from knox.models import AuthToken

from guards.models import KeptAnswer
from tests.integration.users.conftest import PASSWORD, at_once, contexts, events, log_in, logged_in, post
from users.letters.delivery import ATTEMPTS
from users.models import Letter, User
from users.use_cases.change_password import ChangePassword
from users.use_cases.delete_account import DeleteOwnAccount
from users.use_cases.request_email_change import RequestEmailChange
from users.use_cases.update_profile import UpdateProfile

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "a long way up"

ME = "/api/users/me/"


def test_a_deactivated_account_is_closed_until_somebody_opens_it(api, ada, letters):
    headers = logged_in(api)
    assert post(api, f"{ME}deactivate/", {"password": PASSWORD}, **headers).status_code == 204
    assert api.get(ME, headers=headers).status_code == 401
    assert log_in(api).status_code == 401
    (event,) = events("user_deactivated", user_id=ada.pk)
    assert event.actor_id == str(ada.pk)
    assert [(letter.to, letter.subject) for letter in letters()] == [([ada.email], "Your account was switched off")]


def test_a_deleted_account_leaves_a_tombstone_and_nothing_personal(api, ada):
    ada.groups.add(Group.objects.create(name="engine"))
    own = ContentType.objects.get_for_model(User)
    LogEntry.objects.create(
        user=ada, content_type=own, object_id=str(ada.pk), object_repr=str(ada), action_flag=CHANGE, change_message=""
    )
    headers = logged_in(api)
    post(api, f"{ME}email/", {"email": "new@example.com", "password": PASSWORD}, **headers)
    post(api, "/api/auth/password-reset/", {"email": "ADA@example.com"})
    assert post(api, f"{ME}delete/", {"password": PASSWORD}, **headers).status_code == 204

    left = User.objects.values().get()
    name = f"deleted-{ada.pk}"
    assert (left["id"], left["email"], left["first_name"], left["last_name"]) == (ada.pk, name, "", "")
    assert (left["pending_email"], left["last_login"], left["is_active"]) == ("", None, False)
    assert left["password"].startswith("!")
    assert not ada.groups.exists()
    assert Letter.objects.get().kind == "account_deleted"
    assert LogEntry.objects.get().object_repr == name
    assert contexts("user_deleted") == [{"user_id": ada.pk}]
    assert api.get(ME, headers=headers).status_code == 401
    assert log_in(api).status_code == 401


def test_a_deletion_takes_no_warning_along_and_is_told_itself(api, ada, letters):
    headers = logged_in(api)
    post(api, f"{ME}password/", {"old_password": PASSWORD, "new_password": NEW}, **headers)
    assert post(api, f"{ME}delete/", {"password": NEW}, **headers).status_code == 204
    sent = letters()
    assert [letter.subject for letter in sent] == ["Your password was changed", "Your account was deleted"]
    assert {tuple(letter.to) for letter in sent} == {(ada.email,)}
    assert all(f"account {ada.email} was" in str(letter.body) for letter in sent)
    assert not Letter.objects.exists()


def test_the_kept_answer_to_the_registration_goes_with_the_account(api, db):
    grace, mine = ({"email": f"{name}@example.com", "password": PASSWORD} for name in ("grace", "ada"))
    for number, body in enumerate((grace, mine)):
        assert post(api, "/api/users/", body, **{"Idempotency-Key": f"{number}" * 20}).status_code == 201
    DeleteOwnAccount(user_id=User.objects.get(email="ada@example.com").pk, password=PASSWORD).execute()
    kept = KeptAnswer.objects.get()
    assert "grace@example.com" in kept.body
    again = post(api, "/api/users/", grace, **{"Idempotency-Key": "0" * 20})
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_deletion_leaves_other_peoples_letters_alone(ada):
    grace = User.objects.create_user("grace@example.com", PASSWORD)
    Letter.objects.create(kind="email_changed", user=grace, address="ADA@example.com")
    Letter.objects.create(kind="reset_password", address="ada@EXAMPLE.com")
    DeleteOwnAccount(user_id=ada.pk, password=PASSWORD).execute()
    assert list(Letter.objects.order_by("pk").values_list("user", "kind")) == [
        (grace.pk, "email_changed"), (ada.pk, "account_deleted"),
    ]  # fmt: skip


def test_the_last_letter_keeps_the_address_no_longer_than_it_is_tried(ada, monkeypatch, letters):
    Letter.objects.create(kind="password_changed", user=ada, address=ada.email, given_up_at=timezone.now())
    DeleteOwnAccount(user_id=ada.pk, password=PASSWORD).execute()
    (letter,) = Letter.objects.all()
    Letter.objects.update(attempts=ATTEMPTS - 1)

    def fail(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    assert letters() == []
    assert contexts("letter_given_up") == [{"kind": letter.kind, "user_id": ada.pk, "attempts": ATTEMPTS}]
    assert not Letter.objects.exists()


def test_the_address_of_a_deleted_account_can_be_registered_anew(api, ada):
    DeleteOwnAccount(user_id=ada.pk, password=PASSWORD).execute()
    assert post(api, "/api/users/", {"email": "Ada@example.com", "password": PASSWORD}).status_code == 201
    assert post(api, "/api/users/", {"email": f"deleted-{ada.pk}", "password": PASSWORD}).status_code == 400
    assert User.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"email": "ada@example.com"}, {"first_name": "Ada"}, {"pending_email": "x@example.com"}, {"is_active": True},
        {"password": "argon2$x"}, {"is_staff": True}, {"is_superuser": True},
    ],
)  # fmt: skip
def test_the_database_lets_nobody_revive_a_tombstone(ada, change):
    DeleteOwnAccount(user_id=ada.pk, password=PASSWORD).execute()
    with pytest.raises(IntegrityError, match="users_user_deleted_is_erased"), transaction.atomic():
        User.objects.filter(pk=ada.pk).update(**change)


def test_whatever_races_with_a_deletion_the_account_is_erased(ada):
    session, _ = AuthToken.objects.create(user=ada)
    for _ in range(3):
        user = User.objects.create_user("bob@example.com", PASSWORD)
        session, _ = AuthToken.objects.create(user=user)
        at_once(
            DeleteOwnAccount(user_id=user.pk, password=PASSWORD).execute,
            ChangePassword(user_id=user.pk, session=session, old_password=PASSWORD, new_password=NEW).execute,
            UpdateProfile(user_id=user.pk, values={"first_name": "Bob"}).execute,
            RequestEmailChange(user_id=user.pk, password=PASSWORD, email="bob2@example.com").execute,
        )
        # Whoever changed the password first made the deletion ask again.
        user.refresh_from_db()
        if user.deleted_at is None:
            DeleteOwnAccount(user_id=user.pk, password=NEW).execute()
            user.refresh_from_db()
        assert (user.email, user.first_name, user.pending_email) == (f"deleted-{user.pk}", "", "")
        assert not AuthToken.objects.filter(user=user).exists()
        assert not Letter.objects.filter(user=user).exclude(kind__in=["account_deleted", "password_changed"]).exists()
