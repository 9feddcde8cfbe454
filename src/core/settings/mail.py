"""Letters to people. In development they are printed; elsewhere they go to a mail server."""

from core.settings.environment import mail, text, url

_MAIL = mail(
    "EMAIL_URL",
    default="smtp://localhost:25",
    purpose="mail server, e.g. smtp+tls://user:password@host:587; consolemail:// prints, filemail://folder keeps files",
)

EMAIL_BACKEND = _MAIL["EMAIL_BACKEND"]
EMAIL_HOST = _MAIL["EMAIL_HOST"] or ""
EMAIL_PORT = _MAIL["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _MAIL["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _MAIL["EMAIL_HOST_PASSWORD"] or ""
EMAIL_FILE_PATH = _MAIL["EMAIL_FILE_PATH"]
EMAIL_USE_TLS = _MAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _MAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = text("DEFAULT_FROM_EMAIL", default="webmaster@localhost", purpose="sender of letters to people")
FRONTEND_URL = url(
    "FRONTEND_URL",
    schemes=("http", "https"),
    default="",
    purpose="where links in letters lead, e.g. https://app.example.com; empty: letters hold the token alone",
).rstrip("/")
