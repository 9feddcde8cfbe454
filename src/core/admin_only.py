"""Django's middleware for people with cookies, which the API has no use for: each step of it is a hop into a thread.

Session, user and messages exist under /admin/ only. (The API knows its user by the token.)
"""

from typing import TYPE_CHECKING, Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest

from users.admin_sessions import end_if_over

if TYPE_CHECKING:
    from django.utils.deprecation import MiddlewareMixin
else:
    MiddlewareMixin = object

_ADMIN = "/admin/"


class _AdminOnly(MiddlewareMixin):
    def __call__(self, request: HttpRequest) -> Any:
        return (super().__call__ if request.path.startswith(_ADMIN) else self.get_response)(request)


class SessionMiddleware(_AdminOnly, sessions.SessionMiddleware): ...


class AuthenticationMiddleware(_AdminOnly, auth.AuthenticationMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        """Look at the session's age before anybody asks whose it is."""
        end_if_over(request)
        super().process_request(request)


class MessageMiddleware(_AdminOnly, messages.MessageMiddleware): ...
