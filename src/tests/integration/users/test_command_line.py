"""What operators do to accounts on the command line is recorded as well."""

import pytest
from django.core.management import CommandError, call_command
from knox.models import AuthToken

from tests.integration.users.conftest import PASSWORD, contexts
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "a long way up"


@pytest.fixture
def typed(monkeypatch):
    """What the operator types when asked for passwords."""
    passwords: list[str] = []
    monkeypatch.setattr("core.management.commands.changepassword.getpass", lambda _prompt: passwords.pop(0))
    return passwords.extend


def test_making_a_superuser_is_recorded_with_what_they_may_do(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", email="root@example.com", interactive=False, verbosity=0)
    root = User.objects.get()
    assert contexts("user_registered") == [{"user_id": root.pk, "email": "root@example.com"}]
    (privileges,) = contexts("user_permissions_changed", user_id=root.pk)
    assert (privileges["fields"], privileges["is_superuser"]) == (["is_staff", "is_superuser"], True)


def test_giving_somebody_a_password_is_recorded_told_and_ends_their_sessions(ada, typed, letters):
    AuthToken.objects.create(user=ada)
    typed([NEW, NEW])
    call_command("changepassword", "ADA@example.com")
    ada.refresh_from_db()
    assert ada.check_password(NEW)
    assert contexts("user_password_changed") == [{"user_id": ada.pk, "changed_by": "administrator"}]
    assert not AuthToken.objects.exists()
    assert [letter.subject for letter in letters()] == ["Your password was changed"]


@pytest.mark.parametrize(
    ("address", "passwords", "complaint"),
    [
        ("nobody@example.com", [], "no account"),
        ("ada@example.com", [NEW, "a way around"], "two passwords"),
        ("ada@example.com", ["ada@example.com"] * 2, "too similar"),
        ("ada@example.com", ["a long way " * 12] * 2, "at most 128 characters"),
        ("ada@example.com", [" " * 9] * 2, "more than blanks"),
    ],
)
def test_a_password_that_will_not_do_changes_nothing(ada, typed, address, passwords, complaint):
    typed(passwords)
    with pytest.raises(CommandError, match=complaint):
        call_command("changepassword", address)
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)
    assert not contexts("user_password_changed")
