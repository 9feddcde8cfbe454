"""What `manage.py check --deploy` asks besides Django's own questions."""

from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core import checks

_TO_A_SERVER = "django.core.mail.backends.smtp.EmailBackend"


def letters_leave(**_: Any) -> list[checks.CheckMessage]:
    """Find letters that nobody will get, though those who ask for one are told that it comes."""
    if settings.DEBUG or (settings.EMAIL_BACKEND == _TO_A_SERVER and not _is_this_host(settings.EMAIL_HOST)):
        return []
    return [
        checks.Warning(
            "EMAIL_URL names no mail server, or one on this host, where in a container nobody listens: confirmations "
            "and resets of passwords may never leave.",
            hint="Set EMAIL_URL, e.g. smtp+tls://user:password@mail.example.com:587. If one does run on this host, "
            "call it by the host's name.",
            id="core.W001",
        )
    ]


def nothing_is_served_in_clear(**_: Any) -> list[checks.CheckMessage]:
    """Ask what Django asks of its own SecurityMiddleware, less consent to preloading: that is an owner's decision."""
    if settings.DEBUG:  # which Django names by itself
        return []
    if settings.SECURE_HSTS_SECONDS == 0:
        return [
            checks.Warning(
                "HTTPS_ONLY is off: passwords and tokens may travel in clear.", hint="Leave it on.", id="core.W002"
            )
        ]
    if not settings.SECURE_HSTS_INCLUDE_SUBDOMAINS:
        return [
            checks.Warning(
                "HSTS_INCLUDE_SUBDOMAINS is off: a host below this one may be asked in clear, and set cookies for it.",
                hint="Leave it on, unless such a host has no TLS.",
                id="core.W003",
            )
        ]
    return []


def _is_this_host(name: str) -> bool:
    if name in {"", "localhost"}:
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
