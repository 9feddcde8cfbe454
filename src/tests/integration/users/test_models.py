"""The account's address: kept as typed, unique in any case, found by its index."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import identify_hasher
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction

from tests.integration.users.conftest import PASSWORD
from users.accounts import EmailTaken
from users.models import User

pytestmark = pytest.mark.django_db


def test_the_database_refuses_the_same_address_in_another_case(ada):
    with pytest.raises(IntegrityError, match="users_user_email_key"), transaction.atomic():
        User.objects.create(email="aDA@EXAMPLE.com")


@pytest.mark.parametrize(("one", "other"), [("é@example.com", "É@example.com"), ("я@example.com", "Я@example.com")])
def test_letters_beyond_ascii_have_cases_too(one, other):
    User.objects.create(email=one)
    assert User.objects.with_email(other).exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email=other)


def test_an_address_is_looked_up_by_the_unique_index(ada):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "users_user_email_key" in User.objects.with_email("ADA@example.com").explain()


def test_the_admin_lets_people_in_by_their_address_in_any_case(ada):
    assert authenticate(username="ADA@EXAMPLE.COM", password=PASSWORD) == ada


def test_a_superuser_may_do_everything():
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    assert root.is_staff
    assert root.has_perm("users.delete_user")
    assert identify_hasher(root.password).algorithm == "argon2"


def test_forms_name_a_taken_address(ada):
    with pytest.raises(ValidationError, match="taken"):
        User(email="ADA@example.com", password="x").full_clean()


def test_a_taken_address_makes_no_statement_fail_whoever_makes_the_account():
    """PostgreSQL logs a failed statement with its values."""
    User.objects.create_user("ada@example.com", "a long way down")
    failed = []

    def watch(execute, sql, params, many, context):
        try:
            return execute(sql, params, many, context)
        except DatabaseError:
            failed.append(sql)
            raise

    for make in (User.objects.create_user, User.objects.create_superuser):
        with connection.execute_wrapper(watch), pytest.raises(EmailTaken, match=r"Ada@example\.com"):
            make("Ada@example.com", "another long way down")
    assert failed == []
    assert User.objects.get().check_password("a long way down")


def test_an_account_has_the_fields_that_it_is_made_with():
    ada = User.objects.create_user("Ada@example.com", PASSWORD, first_name="Ada", is_active=False)
    ada.refresh_from_db()
    assert (ada.email, ada.first_name, ada.last_name, ada.is_active) == ("Ada@example.com", "Ada", "", False)
    assert ada.check_password(PASSWORD)
    assert ada.created_at is not None


def test_an_account_without_a_password_has_one_that_cannot_be_used():
    user = User.objects.create_user("ada@example.com")
    assert not user.has_usable_password()
    assert not User.objects.get().has_usable_password()
