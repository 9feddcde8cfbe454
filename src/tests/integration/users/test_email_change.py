"""Another address: asked for, confirmed from there, stopped."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from tests.integration.users.conftest import PASSWORD, at_once, contexts, events, log_in, logged_in, post, token_in
from users import tokens
from users.accounts import EmailTaken
from users.models import Letter, User
from users.use_cases.change_password import ChangePassword
from users.use_cases.confirm_email_change import ConfirmEmailChange
from users.use_cases.request_email_change import RequestEmailChange
from users.use_cases.reset_password import ResetPassword

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "a long way up"

ME = "/api/users/me/"


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
    assert outcomes.count(EmailTaken) == 1
    assert User.objects.with_email("wanted@example.com").count() == 1
    assert len(events("user_email_changed")) == len(events("user_email_change_failed")) == 1


def test_an_address_that_was_taken_meanwhile_makes_no_statement_fail(ada, letters):
    """PostgreSQL would log it with the address."""
    RequestEmailChange(user_id=ada.pk, password=PASSWORD, email="wanted@example.com").execute()
    (token,) = [token_in(each) for each in letters() if "Confirm" in each.subject]
    User.objects.create_user("WANTED@example.com")
    failed = []

    def watch(execute, sql, params, many, context):
        try:
            return execute(sql, params, many, context)
        except DatabaseError:
            failed.append(sql)
            raise

    with connection.execute_wrapper(watch), pytest.raises(EmailTaken):
        ConfirmEmailChange(token=token).execute()
    assert failed == []
    assert len(events("user_email_change_failed")) == 1


def test_a_late_letter_to_the_old_address_does_not_tell_the_new_one(ada, letters):
    ChangePassword(user_id=ada.pk, session=None, old_password=PASSWORD, new_password=NEW).execute()
    RequestEmailChange(user_id=ada.pk, password=NEW, email="new@example.com").execute()
    to_the_old_one = Letter.objects.filter(address=ada.email)
    to_the_old_one.update(due_at=timezone.now() + timedelta(hours=1))  # its mail server puts them off
    (confirmation,) = letters()
    ConfirmEmailChange(token=token_in(confirmation)).execute()
    to_the_old_one.update(due_at=timezone.now())
    late = letters()
    assert {letter.subject for letter in late} == {"Your password was changed", "Your e-mail address was changed"}
    assert {tuple(letter.to) for letter in late} == {("Ada@example.com",)}
    assert not [letter for letter in late if "new@example.com" in str(letter.body)]
    assert contexts("letter_dropped") == [{"kind": "email_change_requested", "user_id": ada.pk}]
