"""`Authorization: Bearer <token>`."""

from datetime import timedelta

import pytest
from knox.models import AuthToken

from outbox import context
from tests.integration.users.conftest import log_in
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def me(api, authorization=None):
    return api.get("/api/users/me/", headers={"Authorization": authorization} if authorization else None)


def assert_refused(response):
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == 401


@pytest.mark.parametrize("keyword", ["Bearer", "bearer"])
def test_the_token_of_a_login_opens_the_door(api, ada, keyword):
    response = me(api, f"{keyword} {log_in(api).json()['token']}")
    assert response.status_code == 200
    assert response.json()["email"] == "Ada@example.com"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer x",
        "Bearer x y",
        "Basic YTpi",
        "Bearer " + "a" * 64,
        "Bearer " + "a" * 5000,
        "Bearer é",
        "",
    ],
)
def test_whatever_else_is_sent_does_not(api, ada, authorization):
    assert_refused(me(api, authorization))


def test_a_token_ends_with_its_time(api, ada):
    _, token = AuthToken.objects.create(user=ada, expiry=timedelta(seconds=-1))
    assert_refused(me(api, f"Bearer {token}"))


def test_a_token_ends_with_the_account(api, ada):
    token = log_in(api).json()["token"]
    User.objects.update(is_active=False)
    assert_refused(me(api, f"Bearer {token}"))


def test_a_token_is_looked_up_in_one_query(api, ada, django_assert_num_queries):
    token = log_in(api).json()["token"]
    with django_assert_num_queries(1):
        me(api, f"Bearer {token}")


def test_the_person_is_the_actor_while_the_request_lasts_and_no_longer(api, ada, monkeypatch):
    def spy(_self, _user):
        return {"actor": context.actor_id.get()}

    monkeypatch.setattr("users.api.views.me.UserSerializer.to_representation", spy)
    _, token = AuthToken.objects.create(user=ada)
    assert me(api, f"Bearer {token}").json() == {"actor": str(ada.pk)}
    assert context.actor_id.get() == ""
