"""A browser in Django's admin, and what people do with it."""

from django.contrib.auth.models import Permission
from django.test import Client

from tests.integration.users.conftest import PASSWORD, events
from users.models import User

LIST = "/admin/users/user/"


def staff(*permissions: str) -> User:
    user = User.objects.create_user("staff@example.com", PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def save(browser: Client, user: User, **changes):
    """Fill in the form as it stands, change it and send it."""
    page = browser.get(f"{LIST}{user.pk}/change/")
    form = page.context["adminform"].form
    fields = {name: form.initial.get(name) for name in form.fields if name != "password"}
    fields["groups"] = [each.pk for each in fields.get("groups") or ()]
    fields["user_permissions"] = [each.pk for each in fields.get("user_permissions") or ()]
    filled = {**fields, **changes}
    answer = browser.post(page.request["PATH_INFO"], {name: value for name, value in filled.items() if value})
    assert answer.status_code == 302, answer.content.decode()
    return answer


def act(browser: Client, action: str, *users: User, **more: str) -> str:
    chosen = {"action": action, "_selected_action": [str(user.pk) for user in users], **more}
    answer = browser.post(LIST, chosen, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def actors(event_type: str, **context) -> list[str]:
    return [event.actor_id for event in events(event_type, **context)]
