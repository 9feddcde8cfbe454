"""Getting a token, or not; either is recorded."""

import json
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone
from knox.models import AuthToken

from outbox.client import EventLogClient
from tests.integration.users.conftest import NETWORK, PASSWORD, events
from users import sessions
from users.hashing import Argon2idHasher
from users.models import User
from users.reauthentication import AccountChanged
from users.use_cases.delete_account import DeleteOwnAccount
from users.use_cases.log_in import InvalidCredentials, LogIn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("real_hashes")]


def test_a_login_is_recorded_with_the_token_it_gave(ada):
    login = LogIn(email="ADA@example.com", password=PASSWORD, network=NETWORK).execute()
    assert login.user == ada
    assert AuthToken.objects.get().user == ada
    assert timezone.now() < login.expiry

    (event,) = events("user_logged_in", user_id=ada.pk)
    assert event.actor_id == str(ada.pk)
    session = sessions.id_of(AuthToken.objects.get())
    assert json.loads(event.context) == {"user_id": ada.pk, "session_id": session, "network": NETWORK}
    assert login.token not in repr(login)


def test_without_the_event_there_is_no_token(ada, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(EventLogClient, "record", fail)
    with pytest.raises(ConnectionError):
        LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute()
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize(
    ("email", "password", "is_active", "reason"),
    [
        ("ada@example.com", "wrong", True, "wrong_password"),
        ("ada@example.com", "wrong", False, "wrong_password"),
        ("ada@example.com", PASSWORD, False, "inactive"),
        ("nobody@example.com", PASSWORD, True, "unknown_email"),
    ],
)
def test_a_failure_is_recorded_with_its_reason_and_refused_alike(ada, email, password, is_active, reason):
    User.objects.update(is_active=is_active)
    before = len(events("user_login_failed", email=email))
    with pytest.raises(InvalidCredentials) as caught:
        LogIn(email=email, password=password, network=NETWORK).execute()
    assert str(caught.value) == "The e-mail address or the password is wrong."
    assert not AuthToken.objects.exists()

    event = events("user_login_failed", email=email)[before]
    user_id = None if reason == "unknown_email" else ada.pk
    assert json.loads(event.context) == {"email": email, "reason": reason, "user_id": user_id, "network": NETWORK}
    assert event.actor_id == ""


def test_a_hash_is_made_for_unknown_addresses_too_so_that_time_does_not_tell(db, monkeypatch):
    hashed: list[str] = []
    monkeypatch.setattr("users.use_cases.log_in.make_password", hashed.append)
    with pytest.raises(InvalidCredentials):
        LogIn(email="nobody@example.com", password="guess", network=NETWORK).execute()
    assert hashed == ["guess"]


def test_expired_tokens_are_swept_at_the_next_login(ada):
    AuthToken.objects.create(user=ada, expiry=timedelta(seconds=-1))
    LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute()
    assert [token.expiry > timezone.now() for token in AuthToken.objects.all()] == [True]


@pytest.fixture
def old_hash(ada) -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    User.objects.update(password=f"argon2{weaker}")


@pytest.mark.usefixtures("old_hash")
def test_a_hash_with_old_parameters_is_made_anew(ada):
    assert LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute()
    encoded = User.objects.get().password
    assert "m=19456,t=2,p=1" in encoded
    assert check_password(PASSWORD, encoded)


@pytest.mark.usefixtures("old_hash")
@pytest.mark.parametrize(
    "prove",
    [
        lambda ada: LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute(),
        lambda ada: DeleteOwnAccount(user_id=ada.pk, password=PASSWORD).execute(),
    ],
)
def test_a_password_given_while_the_old_one_is_checked_stays(ada, monkeypatch, prove):
    verify = Argon2idHasher.verify

    def slow(self, password, encoded):
        fits = verify(self, password, encoded)
        User.objects.update(password=make_password("the owner's new one"))  # a reset commits meanwhile
        monkeypatch.setattr(Argon2idHasher, "verify", verify)
        return fits

    monkeypatch.setattr(Argon2idHasher, "verify", slow)
    with pytest.raises((InvalidCredentials, AccountChanged)):
        prove(ada)
    assert check_password("the owner's new one", User.objects.get().password)


@pytest.mark.usefixtures("old_hash")
def test_of_two_logins_that_make_a_hash_anew_neither_is_refused(ada, monkeypatch):
    verify = Argon2idHasher.verify

    def slow(self, password, encoded):
        fits = verify(self, password, encoded)
        monkeypatch.setattr(Argon2idHasher, "verify", verify)
        User.objects.update(password=make_password(PASSWORD))  # the other one is faster
        return fits

    monkeypatch.setattr(Argon2idHasher, "verify", slow)
    assert LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute()
    assert not events("user_login_failed")
