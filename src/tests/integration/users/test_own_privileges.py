"""In the admin, nobody decides about their own account: the last superuser could otherwise not come back."""

import pytest
from django.test import Client

from tests.integration.users.conftest import PASSWORD, events
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("lost", ["is_superuser", "is_staff"])
def test_a_superuser_does_not_give_up_their_own_privileges(lost):
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    browser = Client(headers={"Host": "localhost"})
    browser.force_login(root)
    before = len(events("user_permissions_changed", user_id=root.pk))
    fields = {"email": root.email, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    del fields[lost]
    assert browser.post(f"/admin/users/user/{root.pk}/change/", fields).status_code == 302
    root.refresh_from_db()
    assert (root.is_staff, root.is_superuser) == (True, True)
    assert len(events("user_permissions_changed", user_id=root.pk)) == before
