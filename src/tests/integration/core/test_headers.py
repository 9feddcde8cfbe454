"""What every answer says to browsers, and what pages of other sites may read."""

import pytest
from django.test import Client

from tests.integration.users.conftest import PASSWORD, log_in, post
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

API = Client(headers={"Host": "localhost"})
ORIGIN = "https://app.example"


def policy(response) -> dict[str, str]:
    directives = response.headers["Content-Security-Policy"].split("; ")
    return {name: sources for name, _, sources in (directive.partition(" ") for directive in directives)}


@pytest.mark.parametrize(
    "path", ["/api/users/me/", "/api/users/", "/api/nowhere/", "/nowhere", "/livez", "/admin/login/", "/admin/"]
)
def test_every_answer_is_secured_whatever_it_is(path):
    response = API.get(path)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in response.headers["Permissions-Policy"]
    rules = policy(response)
    assert (rules["object-src"], rules["base-uri"], rules["frame-ancestors"]) == ("'none'",) * 3


def test_an_answer_about_a_person_is_kept_by_nobody_and_may_do_nothing_in_a_browser():
    User.objects.create_user("ada@example.com", PASSWORD)
    token = log_in(API).json()["token"]
    for response in (log_in(API), API.get("/api/users/me/", headers={"Authorization": f"Bearer {token}"})):
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert policy(response)["default-src"] == "'none'"


def test_pages_of_the_admin_run_our_own_scripts_only(client):
    client.force_login(User.objects.create_superuser("root@example.com", PASSWORD))
    for path in ("/admin/", "/admin/users/user/", "/admin/users/user/add/"):
        response = client.get(path)
        assert response.status_code == 200
        assert policy(response)["default-src"] == "'self'"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        page = response.content.decode()
        assert "<script>" not in page
        assert "<style" not in page
        assert "onclick=" not in page


def test_the_api_sets_no_cookie():
    assert not post(API, "/api/users/", {"email": "ada@example.com", "password": PASSWORD}).cookies
    assert not log_in(API).cookies


def test_other_sites_may_read_nothing_by_default():
    for response in (
        API.get("/api/users/me/", headers={"Origin": ORIGIN}),
        API.options("/api/users/", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}),
    ):
        assert not [name for name in response.headers if name.startswith("Access-Control-")]


def test_pages_of_a_listed_origin_may_call_the_api_and_read_its_errors(settings):
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    preflight = API.options("/api/users/", headers={**asked, "Access-Control-Request-Headers": "idempotency-key"})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "idempotency-key" in preflight.headers["Access-Control-Allow-Headers"]
    error = API.get("/api/users/me/", headers={"Origin": ORIGIN})
    assert error.status_code == 401
    assert error.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "retry-after" in error.headers["Access-Control-Expose-Headers"].lower()
    assert "Access-Control-Allow-Credentials" not in error.headers
    assert "origin" in error.headers["Vary"].lower()


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"]
)
def test_pages_of_any_other_origin_may_not(settings, origin):
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    assert "Access-Control-Allow-Origin" not in API.get("/api/users/me/", headers={"Origin": origin}).headers


def test_the_admin_is_open_to_no_other_site(settings):
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    assert "Access-Control-Allow-Origin" not in API.get("/admin/login/", headers={"Origin": ORIGIN}).headers
