import pytest
from pydantic import ValidationError

import users.events
from events.event import catalogue
from users.events import UserLoginFailed

NAMES = {
    "group_changed", "group_deleted",
    "letter_dropped", "letter_given_up", "letter_revived", "letter_sent", "user_activated", "user_deactivated",
    "user_deleted", "user_email_change_failed", "user_email_change_requested", "user_email_changed",
    "user_email_verification_requested", "user_email_verified", "user_logged_in", "user_logged_out",
    "user_login_failed", "user_password_changed", "user_password_reset", "user_password_reset_requested",
    "user_permissions_changed", "user_profile_updated", "user_reauthentication_failed", "user_registered",
    "user_registration_failed",
    "user_session_expired", "user_sessions_revoked", "user_token_refused", "user_token_rotated",
}  # fmt: skip
EVENTS = [event for event in catalogue() if event.__module__ == users.events.__name__]


def test_the_names_are_those_that_analysts_know():
    assert {event.name for event in EVENTS} == NAMES


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_has_its_version_and_holds_no_secret(event):
    assert event.version == 1
    assert event.__doc__
    assert not {"password", "token"} & set(event.model_fields)


def test_a_failure_has_one_of_the_known_reasons():
    failure = {"email": "ada@example.com", "reason": "wrong_password", "user_id": None, "network": ""}
    assert UserLoginFailed.model_validate(failure)
    with pytest.raises(ValidationError, match="reason"):
        UserLoginFailed.model_validate({**failure, "reason": "bad_weather"})
