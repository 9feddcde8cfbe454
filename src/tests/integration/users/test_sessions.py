"""Sessions: listed, exchanged, ended; and what races with them."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken
from structlog.testing import capture_logs

from tests.integration.users.conftest import NETWORK, PASSWORD, at_once, contexts, events, log_in, logged_in, post
from users import sessions, sweeping
from users.models import User
from users.sessions import SessionEnded
from users.tasks import sweep_sessions
from users.use_cases.deactivate_user import DeactivateOwnAccount
from users.use_cases.log_in import InvalidCredentials, LogIn, Login
from users.use_cases.log_out import LogOut
from users.use_cases.rotate_token import RotateToken

pytestmark = pytest.mark.django_db(transaction=True)


def status(api, headers) -> int:
    return api.get("/api/users/me/", headers=headers).status_code


def listed(api, headers) -> list[dict]:
    return api.get("/api/auth/sessions/", headers=headers).json()["results"]


def test_logging_out_ends_this_session_and_no_other(api, ada):
    here, there = logged_in(api), logged_in(api)
    response = post(api, "/api/auth/logout/", None, **here)
    assert (response.status_code, response.content) == (204, b"")
    assert (status(api, here), status(api, there)) == (401, 200)
    (event,) = events("user_logged_out", user_id=ada.pk)
    assert event.actor_id == str(ada.pk)


def test_a_session_that_has_just_ended_is_not_ended_again(ada):
    session, _ = AuthToken.objects.create(user=ada)
    for _ in range(2):
        LogOut(user_id=ada.pk, session=session).execute()
    assert contexts("user_logged_out", user_id=ada.pk) == [{"user_id": ada.pk, "session_id": sessions.id_of(session)}]


def test_logging_out_everywhere_ends_all_of_ones_sessions_and_nobody_elses(api, ada):
    grace = User.objects.create_user("grace@example.com", PASSWORD)
    hers = logged_in(api, email=grace.email)
    mine = [logged_in(api) for _ in range(3)]
    assert post(api, "/api/auth/logout-everywhere/", None, **mine[0]).status_code == 204
    assert [status(api, each) for each in [*mine, hers]] == [401, 401, 401, 200]
    (revoked,) = contexts("user_sessions_revoked", user_id=ada.pk, reason="logged_out_everywhere")
    assert len(revoked["session_ids"]) == 3


def test_ones_own_sessions_are_listed_without_their_tokens(api, ada):
    AuthToken.objects.create(user=User.objects.create_user("grace@example.com"))
    AuthToken.objects.create(user=ada, expiry=timedelta(seconds=-1))
    first, second = log_in(api).json()["token"], log_in(api).json()["token"]
    response = api.get("/api/auth/sessions/", headers={"Authorization": f"Bearer {first}"})
    found = response.json()["results"]
    assert [set(each) for each in found] == [{"id", "created_at", "expiry", "current"}] * 2
    assert [each["current"] for each in found] == [False, True]
    for token in (first, second):
        assert token not in response.content.decode()
        assert token[: len(found[0]["id"])] not in response.content.decode()


def test_of_too_many_sessions_the_oldest_ends(api, ada, monkeypatch):
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 3)
    tokens = [logged_in(api) for _ in range(3)]
    (oldest,) = [each["id"] for each in listed(api, tokens[0]) if each["current"]]
    newest = logged_in(api)
    assert [status(api, each) for each in [*tokens, newest]] == [401, 200, 200, 200]
    assert contexts("user_sessions_revoked", user_id=ada.pk) == [
        {"user_id": ada.pk, "reason": "too_many", "session_ids": [oldest]}
    ]


def test_a_login_never_ends_the_session_that_it_makes(api, ada):
    """Not even if others were made at the same moment or, by a clock that was put back, later."""
    for _ in range(sessions.MOST_SESSIONS + 5):
        AuthToken.objects.create(user=ada)
    AuthToken.objects.update(created=timezone.now() + timedelta(minutes=1))
    assert status(api, logged_in(api)) == 200
    assert AuthToken.objects.count() == sessions.MOST_SESSIONS


def test_one_session_is_ended_by_its_id(api, ada):
    here, there = logged_in(api), logged_in(api)
    (other,) = [each["id"] for each in listed(api, here) if not each["current"]]
    assert api.delete(f"/api/auth/sessions/{other}/", headers=here).status_code == 204
    assert (status(api, here), status(api, there)) == (200, 401)
    assert contexts("user_sessions_revoked", user_id=ada.pk, reason="revoked") == [
        {"user_id": ada.pk, "reason": "revoked", "session_ids": [other]}
    ]


def test_what_is_no_session_of_ones_own_cannot_be_ended(api, ada):
    session, _ = AuthToken.objects.create(user=User.objects.create_user("grace@example.com"))
    here = logged_in(api)
    own = listed(api, here)[0]["id"]
    for each in (sessions.id_of(session), own[:-1], own[:1], "x", session.digest, "0" * 32):
        response = api.delete(f"/api/auth/sessions/{each}/", headers=here)
        assert (response.status_code, response.json()["type"]) == (404, "urn:problem:session-unknown")
    assert AuthToken.objects.count() == 2


def test_a_token_is_exchanged_for_a_new_one_with_all_its_time(api, ada):
    old, _ = AuthToken.objects.create(user=ada, expiry=timedelta(minutes=1))
    rotated = RotateToken(user_id=ada.pk, session=old).execute()
    (new,) = AuthToken.objects.all()
    assert rotated.expiry == new.expiry > old.expiry + timedelta(hours=9)
    assert contexts("user_token_rotated", user_id=ada.pk) == [
        {"user_id": ada.pk, "old_session_id": sessions.id_of(old), "new_session_id": sessions.id_of(new)}
    ]


def test_of_many_who_exchange_one_token_at_once_one_gets_another(ada):
    session, _ = AuthToken.objects.create(user=ada)
    outcomes = at_once(*[RotateToken(user_id=ada.pk, session=session).execute] * 4)
    assert sorted(isinstance(each, Login) for each in outcomes) == [False, False, False, True]
    assert outcomes.count(SessionEnded) == 3
    assert AuthToken.objects.count() == 1


def test_an_expired_token_is_recorded_once_however_often_it_is_used(api, ada):
    session, token = AuthToken.objects.create(user=ada, expiry=timedelta(seconds=-1))
    headers = {"Authorization": f"Bearer {token}"}
    assert [status(api, headers) for _ in range(3)] == [401] * 3
    assert contexts("user_session_expired", user_id=ada.pk) == [
        {"user_id": ada.pk, "session_id": sessions.id_of(session)}
    ]


def test_a_login_while_the_account_is_switched_off_gives_no_token_that_lasts(ada):
    for _ in range(5):
        User.objects.update(is_active=True)
        at_once(
            DeactivateOwnAccount(user_id=ada.pk, password=PASSWORD).execute,
            *[LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute] * 3,
        )
        assert not User.objects.get().is_active
        assert not AuthToken.objects.exists()


@pytest.mark.parametrize(
    ("change", "reason"), [({"is_active": False}, "inactive"), ({"password": "!"}, "wrong_password")]
)
def test_a_login_is_overtaken_by_what_happens_during_the_check_of_its_password(ada, monkeypatch, change, reason):
    check = User.check_password

    def check_slowly(user: User, password: str) -> bool:
        fits = check(user, password)
        User.objects.update(**change)
        return fits

    monkeypatch.setattr(User, "check_password", check_slowly)
    with pytest.raises(InvalidCredentials):
        LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute()
    assert not AuthToken.objects.exists()
    assert contexts("user_login_failed", user_id=ada.pk, reason=reason)


def test_a_login_is_remembered_as_the_last_one(ada):
    LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute()
    assert User.objects.get().last_login is not None


def test_nothing_of_a_token_is_kept_but_its_digest(api, ada):
    token = log_in(api).json()["token"]
    kept = " ".join(str(value) for value in AuthToken.objects.values_list().get())
    assert [token[start : start + 8] for start in range(0, len(token), 8) if token[start : start + 8] in kept] == []


def test_exchanging_a_token_prolongs_nothing_beyond_its_time_after_the_login(ada, settings):
    settings.AUTH_SESSION_SECONDS = 2.5 * settings.AUTH_TOKEN_SECONDS
    hours = timedelta(seconds=settings.AUTH_TOKEN_SECONDS)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        login = LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute()
        logged_in_at, ends = timezone.now(), [login.expiry]
        for _ in range(3):
            clock.shift(0.8 * hours)
            ends.append(RotateToken(user_id=ada.pk, session=AuthToken.objects.get()).execute().expiry)
    assert [(end - logged_in_at) / hours for end in ends] == pytest.approx([1, 1.8, 2.5, 2.5])
    assert AuthToken.objects.get().created == logged_in_at


def test_a_token_is_not_exchanged_for_one_that_would_have_ended(ada, settings):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        LogIn(email=ada.email, password=PASSWORD, network=NETWORK).execute()
        clock.shift(timedelta(seconds=60))
        settings.AUTH_SESSION_SECONDS = 60.0  # somebody has shortened it
        with pytest.raises(SessionEnded):
            RotateToken(user_id=ada.pk, session=AuthToken.objects.get()).execute()
    assert not contexts("user_token_rotated", user_id=ada.pk)


@pytest.mark.parametrize(("looked_up_at_once", "scans"), [(100, 1), (4, 2), (2, 3)])
def test_what_is_long_past_is_swept_in_steps_and_nothing_else(ada, monkeypatch, looked_up_at_once, scans):
    monkeypatch.setattr(sweeping, "_LOOKED_UP_AT_ONCE", looked_up_at_once)
    monkeypatch.setattr(sweeping, "_SWEPT_AT_ONCE", 2)
    for days in (-40, -31, -31, -31, -29, 1):
        AuthToken.objects.create(user=ada, expiry=timedelta(days=days))
    now = timezone.now()
    for key, end in (("past", now - timedelta(seconds=1)), ("present", now + timedelta(hours=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=end)
    with capture_logs() as lines, CaptureQueriesContext(connection) as asked:
        sweep_sessions()
    searches = [each["sql"] for each in asked if " IN " not in each["sql"] and '"expiry" <' in each["sql"]]
    assert len(searches) == scans  # each looks through all tokens
    assert [line["tokens"] for line in lines if line["event"] == "sessions_swept"] == [4]
    left = AuthToken.objects.order_by("expiry").values_list("expiry", flat=True)
    assert [round((expiry - now) / timedelta(days=1)) for expiry in left] == [-29, 1]
    assert Session.objects.get().session_key == "present"
