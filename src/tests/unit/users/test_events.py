import pytest
from pydantic import ValidationError

from users.events import UserLoggedIn, UserLoginFailed, UserRegistered


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (UserRegistered, "user_registered"),
        (UserLoggedIn, "user_logged_in"),
        (UserLoginFailed, "user_login_failed"),
    ],
)
def test_an_event_has_its_name_and_holds_no_secret(event, name):
    assert (event.name, event.version) == (name, 1)
    assert not {"password", "token"} & set(event.model_fields)


def test_a_failure_has_one_of_the_known_reasons():
    with pytest.raises(ValidationError):
        UserLoginFailed.model_validate({"email": "ada@example.com", "reason": "bad_weather", "user_id": None})
