"""Changing one's own account, and leaving it."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from guards.models import KeptAnswer
from tests.integration.users.conftest import PASSWORD, at_once, contexts, events, log_in, logged_in, post, token_in
from users import tokens
from users.addresses import EmailTaken
from users.letters.delivery import ATTEMPTS
from users.models import Letter, User
from users.reauthentication import AccountChanged, WrongPassword
from users.use_cases.change_password import ChangePassword
from users.use_cases.confirm_email_change import ConfirmEmailChange
from users.use_cases.delete_account import DeleteOwnAccount
from users.use_cases.request_email_change import RequestEmailChange
from users.use_cases.reset_password import ResetPassword
from users.use_cases.update_profile import UpdateProfile

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "a long way up"
ME = "/api/users/me/"


def patch(api, body, headers):
    return api.patch(ME, data=body, content_type="application/json", headers=headers)


def test_names_are_changed_and_the_event_tells_which_but_not_into_what(api, ada):
    response = patch(api, {"last_name": "King", "first_name": "Ada"}, logged_in(api))
    assert (response.status_code, response.json()["last_name"]) == (200, "King")
    assert contexts("user_profile_updated", user_id=ada.pk) == [{"user_id": ada.pk, "fields": ["last_name"]}]


def test_what_stays_as_it_is_is_no_event(api, ada):
    headers = logged_in(api)
    for body in ({}, {"first_name": "Ada"}, {"email": "other@example.com", "is_staff": True}):
        response = patch(api, body, headers)
        assert response.status_code == 200
        assert response.json()["email"] == "Ada@example.com"
    assert contexts("user_profile_updated", user_id=ada.pk) == []
    assert not User.objects.get().is_staff


@pytest.mark.parametrize("name", [None, 5, "x" * 151, "\0", "\ud800", ["a"]])
def test_a_name_that_is_none_is_bad_input(api, ada, name):
    response = patch(api, {"first_name": name}, logged_in(api))
    assert response.status_code == 400
    assert [each["field"] for each in response.json()["errors"]] == ["first_name"]


def test_another_password_ends_all_other_sessions_and_is_told_by_letter(api, ada, letters):
    here, there = logged_in(api), logged_in(api)
    response = post(api, f"{ME}password/", {"old_password": PASSWORD, "new_password": NEW}, **here)
    assert response.status_code == 204
    assert api.get(ME, headers=here).status_code == 200
    assert api.get(ME, headers=there).status_code == 401
    assert (log_in(api).status_code, log_in(api, password=NEW).status_code) == (401, 200)
    assert contexts("user_password_changed") == [{"user_id": ada.pk, "changed_by": "owner"}]
    (letter,) = letters()
    assert (letter.to, letter.subject) == (["Ada@example.com"], "Your password was changed")


@pytest.mark.parametrize(
    ("path", "body", "action"),
    [
        ("password/", {"old_password": "x", "new_password": NEW}, "change_password"),
        ("email/", {"password": "x", "email": "new@example.com"}, "change_email"),
        ("deactivate/", {"password": "x"}, "deactivate"),
        ("delete/", {"password": "x"}, "delete"),
    ],
)
def test_a_token_alone_is_not_enough_for_what_matters(api, ada, path, body, action):
    before = User.objects.values().get()
    headers = logged_in(api)
    response = post(api, ME + path, body, **headers)
    assert (response.status_code, response.json()["type"]) == (403, "urn:problem:wrong-password")
    assert {**User.objects.values().get(), "last_login": None} == {**before, "last_login": None}
    (event,) = events("user_reauthentication_failed", user_id=ada.pk, action=action)
    assert event.actor_id == str(ada.pk)
    assert not Letter.objects.exists()
    assert api.get(ME, headers=headers).status_code == 200


@pytest.mark.parametrize("new", ["short", "12345678901", "password1234", "ada@example.com", "x" * 129, 5, None])
def test_a_new_password_that_will_not_do_is_bad_input(api, ada, new):
    response = post(api, f"{ME}password/", {"old_password": PASSWORD, "new_password": new}, **logged_in(api))
    assert response.status_code == 400
    assert {each["field"] for each in response.json()["errors"]} == {"new_password"}
    assert log_in(api).status_code == 200


def test_of_two_changes_of_the_password_at_once_one_is_told_to_look_again(ada):
    session, _ = AuthToken.objects.create(user=ada)
    outcomes = at_once(
        *(
            ChangePassword(user_id=ada.pk, session=session, old_password=PASSWORD, new_password=each).execute
            for each in (NEW, "a way around")
        )
    )
    assert set(outcomes) in ({None, AccountChanged}, {None, WrongPassword})
    assert len(events("user_password_changed", user_id=ada.pk)) == 1


def test_another_address_is_confirmed_from_there_and_the_old_one_is_told(api, ada, letters):
    headers = logged_in(api)
    response = post(api, f"{ME}email/", {"email": "New@example.com", "password": PASSWORD}, **headers)
    assert response.status_code == 202
    told = {letter.subject: letter for letter in letters()}
    assert {subject: letter.to for subject, letter in told.items()} == {
        "Confirm your new e-mail address": ["New@example.com"],
        "Your e-mail address is about to change": ["Ada@example.com"],
    }
    assert User.objects.get().email == "Ada@example.com"

    token = token_in(told["Confirm your new e-mail address"])
    assert post(api, "/api/auth/email-change/confirm/", {"token": token}).status_code == 204
    user = User.objects.get()
    assert (user.email, user.pending_email, user.email_verified_at is None) == ("New@example.com", "", False)
    assert contexts("user_email_changed") == [
        {"user_id": ada.pk, "old_email": "Ada@example.com", "new_email": "New@example.com"}
    ]
    assert [letter.to for letter in letters()] == [["Ada@example.com"]]
    assert log_in(api, email="new@example.com").status_code == 200
    assert post(api, "/api/auth/email-change/confirm/", {"token": token}).status_code == 400


def test_the_case_of_ones_own_address_can_be_changed(api, ada, letters):
    assert (
        post(api, f"{ME}email/", {"email": "ADA@example.com", "password": PASSWORD}, **logged_in(api)).status_code
        == 202
    )
    (letter,) = [each for each in letters() if "Confirm" in each.subject]
    assert post(api, "/api/auth/email-change/confirm/", {"token": token_in(letter)}).status_code == 204
    assert User.objects.get().email == "ADA@example.com"


def test_a_taken_address_is_a_conflict(api, ada):
    User.objects.create_user("grace@example.com")
    response = post(api, f"{ME}email/", {"email": "GRACE@example.com", "password": PASSWORD}, **logged_in(api))
    assert (response.status_code, response.json()["type"]) == (409, "urn:problem:email-taken")
    assert contexts("user_email_change_failed") == [{"user_id": ada.pk, "new_email": "GRACE@example.com"}]
    assert User.objects.with_email(ada.email).get().pending_email == ""


def test_a_second_request_replaces_the_first(ada, letters):
    RequestEmailChange(user_id=ada.pk, password=PASSWORD, email="first@example.com").execute()
    (first,) = [token_in(each) for each in letters() if "Confirm" in each.subject]
    RequestEmailChange(user_id=ada.pk, password=PASSWORD, email="second@example.com").execute()
    with pytest.raises(Exception, match="not valid"):
        ConfirmEmailChange(token=first).execute()
    (second,) = [token_in(each) for each in letters() if "Confirm" in each.subject]
    ConfirmEmailChange(token=second).execute()
    assert User.objects.get().email == "second@example.com"


def test_another_password_stops_a_change_of_address(ada, letters):
    RequestEmailChange(user_id=ada.pk, password=PASSWORD, email="new@example.com").execute()
    (token,) = [token_in(each) for each in letters() if "Confirm" in each.subject]
    session, _ = AuthToken.objects.create(user=ada)
    ChangePassword(user_id=ada.pk, session=session, old_password=PASSWORD, new_password=NEW).execute()
    with pytest.raises(Exception, match="not valid"):
        ConfirmEmailChange(token=token).execute()


@pytest.mark.parametrize("how", ["change", "reset", "admin"])
def test_a_late_letter_does_not_give_the_address_away_after_a_new_password(api, ada, letters, how):
    RequestEmailChange(user_id=ada.pk, password=PASSWORD, email="eve@example.com").execute()
    letters_to_eve = Letter.objects.filter(address="eve@example.com")
    letters_to_eve.update(due_at=timezone.now() + timedelta(hours=1))  # the mail server puts it off
    if how == "change":
        ChangePassword(user_id=ada.pk, session=None, old_password=PASSWORD, new_password=NEW).execute()
    elif how == "reset":
        ResetPassword(token=tokens.make("reset_password", User.objects.get()), password=NEW).execute()
    else:
        User.objects.create_superuser("root@example.com", PASSWORD)
        browser = Client(headers={"Host": "localhost"})
        browser.force_login(User.objects.get(email="root@example.com"))
        new = {"password1": NEW, "password2": NEW, "usable_password": "true"}
        assert browser.post(f"/admin/users/user/{ada.pk}/password/", new).status_code == 302
    ada.refresh_from_db()
    assert (ada.check_password(NEW), ada.pending_email) == (True, "")
    letters_to_eve.update(due_at=timezone.now())
    assert [letter.to for letter in letters() if letter.to != [ada.email]] == []


def test_of_two_accounts_that_want_one_address_one_gets_it(ada, letters):
    grace = User.objects.create_user("grace@example.com", PASSWORD)
    for user, spelling in ((ada, "wanted@example.com"), (grace, "WANTED@example.com")):
        RequestEmailChange(user_id=user.pk, password=PASSWORD, email=spelling).execute()
    tokens = [token_in(each) for each in letters() if "Confirm" in each.subject]
    outcomes = at_once(*(ConfirmEmailChange(token=token).execute for token in tokens))
    assert set(outcomes) == {None, EmailTaken}
    assert User.objects.with_email("wanted@example.com").count() == 1
    assert len(events("user_email_changed")) == len(events("user_email_change_failed")) == 1


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
