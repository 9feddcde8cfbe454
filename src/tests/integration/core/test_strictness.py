"""What the API takes: JSON with each member once, and of that the fields it knows."""

import re

import pytest
from django.test import Client

from core.settings.environment import SOURCE
from tests.integration.users.conftest import PASSWORD, post
from users.models import User

API = Client(headers={"Host": "localhost"})


@pytest.mark.django_db(transaction=True)
def test_fields_that_are_not_for_the_client_change_nothing():
    powers = {"is_staff": True, "is_superuser": True, "id": 1_000_000, "is_active": False, "groups": [1], "nonsense": 1}
    response = post(API, "/api/users/", {"email": "ada@example.com", "password": PASSWORD, **powers})
    assert response.status_code == 201
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert user.pk != 1_000_000
    assert not powers.keys() - {"id"} & response.json().keys()


def test_a_member_that_is_named_twice_is_refused():
    body = '{"email": "ada@example.com", "password": "a long way down", "email": "eve@example.com"}'
    response = API.post("/api/users/", data=body, content_type="application/json")
    assert response.status_code == 400
    assert "names a member twice" in response.json()["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/json",
    ],
)
def test_what_a_page_of_another_site_could_send_without_asking_is_refused(content_type):
    """The three types of HTML's forms need no CORS preflight."""
    response = API.post("/api/users/", data=b'{"email": "ada@example.com"}', content_type=content_type)
    assert response.status_code == 415


@pytest.mark.parametrize("accepted", ["text/html", "application/xml", "image/*"])
def test_an_answer_that_is_not_wanted_is_not_made_up(accepted):
    response = API.post("/api/users/", data="{}", content_type="application/json", headers={"Accept": accepted})
    assert response.status_code == 406


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_methods_that_nobody_serves_are_refused(method):
    assert API.generic(method, "/api/auth/login/").status_code == 405


def test_accounts_and_guards_speak_to_the_database_through_the_orm_alone():
    """Values cannot become SQL where no SQL is written."""
    written = re.compile(r"\.raw\(|\.extra\(|RawSQL|\.cursor\(|\.execute\(\s*[f\"']")
    for room in ("users", "guards"):
        sources = [path for path in (SOURCE / room).rglob("*.py") if "migrations" not in path.parts]
        assert sources
        assert not [path for path in sources if written.search(path.read_text())]
