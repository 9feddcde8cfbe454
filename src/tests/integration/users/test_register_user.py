"""Making an account: the account and its event, both or neither."""

import json
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from outbox.client import EventLogClient
from tests.integration.users.conftest import PASSWORD, at_once, events
from users.accounts import EmailTaken
from users.models import User
from users.use_cases.register_user import RegisterUser


def registration(**changes: str) -> RegisterUser:
    defaults = {"email": "ada@example.com", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"}
    return RegisterUser(**{**defaults, **changes})


@pytest.mark.django_db
def test_an_account_is_made_with_its_event_and_the_person_is_the_actor():
    user = registration(email="Ada@Example.com").execute()
    user.refresh_from_db()
    assert (user.email, user.first_name, user.last_name) == ("Ada@Example.com", "Ada", "Lovelace")
    assert user.is_active
    assert not user.is_staff
    assert user.check_password(PASSWORD)

    (event,) = events("user_registered", user_id=user.pk)
    assert json.loads(event.context) == {"user_id": user.pk, "email": "Ada@Example.com"}
    assert event.actor_id == str(user.pk)


@pytest.mark.django_db
@pytest.mark.usefixtures("real_hashes")
def test_passwords_are_hashed_with_argon2id_of_19_mib():
    assert registration().execute().password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com", "Ada@EXAMPLE.COM"])
def test_an_address_that_is_taken_is_refused_in_any_case_and_that_is_recorded(email):
    registration().execute()
    before = len(events("user_registered"))
    with pytest.raises(EmailTaken, match=email):
        registration(email=email).execute()
    assert User.objects.count() == 1
    assert len(events("user_registered")) == before
    assert [json.loads(event.context) for event in events("user_registration_failed")] == [{"email": email}]


@pytest.mark.django_db
def test_without_the_event_there_is_no_account(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(EventLogClient, "record", fail)
    with pytest.raises(ConnectionError):
        registration().execute()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_the_password_is_hashed_before_the_transaction_opens(monkeypatch):
    was_open = []

    def hash_it(_: str) -> str:
        was_open.append(list(connection.savepoint_ids))
        return "!"

    monkeypatch.setattr("users.use_cases.register_user.make_password", hash_it)
    before = list(connection.savepoint_ids)
    registration().execute()
    assert was_open == [before]


@pytest.mark.django_db
def test_a_refusal_inside_a_larger_transaction_leaves_that_one_usable():
    registration().execute()
    with transaction.atomic():
        with pytest.raises(EmailTaken):
            registration().execute()
        registration(email="grace@example.com").execute()
    assert User.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_at_the_same_moment_one_gets_the_address_and_no_statement_fails():
    """PostgreSQL logs a statement that fails with its values: an address, or worse."""
    email, failed = f"{uuid4().hex}@example.com", []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 -- Django's
        try:
            return execute(sql, params, many, context)
        except DatabaseError:
            failed.append(sql)
            raise

    def register(spelling: str) -> User:
        with connection.execute_wrapper(watch):
            return registration(email=spelling).execute()

    outcomes = at_once(*(partial(register, each) for each in [email, email.upper()] * 3))
    (winner,) = [outcome for outcome in outcomes if outcome is not EmailTaken]
    assert len(outcomes) == 6
    assert [event.actor_id for event in events("user_registered", user_id=winner.pk)] == [str(winner.pk)]
    assert len(events("user_registration_failed")) == 5
    assert User.objects.with_email(email).get().check_password(PASSWORD)
    assert failed == []


@pytest.mark.django_db(transaction=True)
def test_what_else_is_in_the_way_is_not_told_as_a_taken_address():
    """Such as a sequence that lags behind its table, as after a logical replication."""
    taken = registration().execute()
    registration(email="lin@example.com").execute()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE users_user ALTER COLUMN id RESTART WITH {taken.pk}")
    with pytest.raises(IntegrityError, match="users_user_pkey"):
        registration(email="grace@example.com").execute()
    assert events("user_registration_failed") == []


def test_the_password_is_not_shown():
    assert PASSWORD not in repr(registration())
