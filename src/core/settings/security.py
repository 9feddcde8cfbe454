"""Secrets, hosts, passwords."""

import os

from django.core.exceptions import ImproperlyConfigured

from core.settings.environment import flag, names, secret, whole
from core.settings.guards import TRUSTED_PROXIES

DEBUG = flag("DEBUG", default=False, purpose="Django's debug pages; never in production")
SECRET_KEY = secret("SECRET_KEY", purpose="signs sessions and tokens; long, random, yours alone")
if "," in SECRET_KEY or SECRET_KEY[0].isspace() or SECRET_KEY[-1].isspace():
    raise ImproperlyConfigured("SECRET_KEY has a comma, or a space at an end: SECRET_KEY_FALLBACKS could not hold it")
SECRET_KEY_FALLBACKS = names(
    "SECRET_KEY_FALLBACKS", purpose="earlier keys: what they have signed is still believed, nothing new is signed"
)
ALLOWED_HOSTS = names("ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]", purpose="host names this site answers to")

REQUEST_IDS_BELIEVED = (
    flag(
        "REQUEST_IDS_BELIEVED",
        default=False,
        purpose="take any caller's X-Request-ID and trace; DEBUG or a proxy turns it on",
    )
    or DEBUG
    or TRUSTED_PROXIES > 0
)

AUTH_USER_MODEL = "users.User"
# Pages are the admin's; who logs in with nowhere to go, or with somewhere not allowed, goes there.
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = ["users.backend.PasswordBackend"]
# The e-mail is unique by a constraint on lower(email), which these two checks do not see.
# Three look for Django's middleware by its name, where ours is a class of its own (core.in_loop); core.checks asks for
# TLS and HSTS, which Django asks of such a name only.
SILENCED_SYSTEM_CHECKS = ["auth.E003", "auth.W004", "security.W001", "security.W002", "security.W003"]
PASSWORD_HASHERS = ["users.hashing.Argon2idHasher"]
HASHING_THREADS = whole(
    "HASHING_THREADS",
    default=0,
    most=256,
    purpose="passwords hashed at a time in a process; 0: one for each core but one",
) or max(1, (os.cpu_count() or 1) - 1)
HASHING_QUEUE = whole(
    "HASHING_QUEUE", default=100, least=1, purpose="people who wait for a hash; who comes then is told to try again"
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "users.passwords.MaximumLengthValidator"},
    {"NAME": "users.passwords.NotBlankValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# TLS ends at a proxy or here; either way nothing is served without it. The API refuses what comes in clear instead of
# redirecting it (core.transport): a client that sends its token in clear should notice.
HTTPS_ONLY = (
    flag("HTTPS_ONLY", default=True, purpose="refuse plain HTTP, send HSTS, secure cookies; DEBUG turns it off")
    and not DEBUG
)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^api/"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 365 * 86400 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = flag(
    "HSTS_INCLUDE_SUBDOMAINS", default=True, purpose="browsers use TLS for hosts below this one's name, too"
)
SECURE_HSTS_PRELOAD = flag(
    "HSTS_PRELOAD", default=False, purpose="consent to browsers' built-in lists, which are hard to get off again"
)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# The admin's cookies; the API has none. Browsers keep a __Host- cookie to this host and to TLS.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = (
    ("__Host-sessionid", "__Host-csrftoken") if HTTPS_ONLY else ("sessionid", "csrftoken")
)
CSRF_COOKIE_HTTPONLY = True

# Other sites' pages may not read our answers unless they are listed. The API takes no cookies, so they need none.
CORS_ALLOWED_ORIGINS = names("CORS_ALLOWED_ORIGINS", purpose="origins whose pages may call the API, with https://")
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = ("accept", "authorization", "content-type", "idempotency-key", "traceparent", "x-request-id")
CORS_EXPOSE_HEADERS = ("Idempotent-Replayed", "Location", "Retry-After", "X-Request-ID")
