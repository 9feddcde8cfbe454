import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin(client):
    client.force_login(User.objects.create_superuser("root@example.com", "a long way down"))
    return client


def test_an_account_can_be_added_looked_at_and_searched(admin):
    passwords = {"password1": "a long way down", "password2": "a long way down", "usable_password": "true"}
    response = admin.post("/admin/users/user/add/", {"email": "Ada@example.com", **passwords})
    ada = User.objects.with_email("ada@example.com").get()
    assert response.headers["Location"] == f"/admin/users/user/{ada.pk}/change/"
    assert admin.get(response.headers["Location"]).status_code == 200
    assert b"Ada@example.com" in admin.get("/admin/users/user/?q=ada").content


def test_an_account_is_added_without_its_hash_which_comes_in_a_second_statement(admin):
    """PostgreSQL logs a refused INSERT with its values, as when somebody takes the address in this moment."""
    passwords = {"password1": "a long way down", "password2": "a long way down", "usable_password": "true"}
    with CaptureQueriesContext(connection) as queries:
        admin.post("/admin/users/user/add/", {"email": "ada@example.com", **passwords})
    (inserted,) = [each["sql"] for each in queries if each["sql"].startswith('INSERT INTO "users_user"')]
    assert "argon2" not in inserted
    assert User.objects.get(email="ada@example.com").check_password("a long way down")


def test_a_taken_address_is_shown_as_an_error(admin):
    passwords = {"password1": "a long way down", "password2": "a long way down", "usable_password": "true"}
    response = admin.post("/admin/users/user/add/", {"email": "ROOT@example.com", **passwords})
    assert response.status_code == 200
    assert b"This e-mail address is taken." in response.content


def test_pages_for_people_have_errors_for_people(client):
    response = client.get("/admin/nowhere/")
    assert response.status_code == 302
    assert client.post("/static/nowhere").headers["Content-Type"].startswith("text/html")
