"""Secrets, hosts, passwords."""

import os

from core.settings.environment import flag, names, secret, whole

DEBUG = flag("DEBUG", default=False, purpose="Django's debug pages; never in production")
SECRET_KEY = secret("SECRET_KEY", purpose="signs sessions and tokens; long, random, yours alone")
ALLOWED_HOSTS = names("ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]", purpose="host names this site answers to")

AUTH_USER_MODEL = "users.User"
# The e-mail is unique by a constraint on lower(email), which this check does not see.
SILENCED_SYSTEM_CHECKS = ["auth.E003"]
PASSWORD_HASHERS = ["users.hashing.Argon2idHasher"]
HASHING_THREADS = whole(
    "HASHING_THREADS", default=0, purpose="passwords hashed at a time in a process; 0: one for each core but one"
) or max(1, (os.cpu_count() or 1) - 1)
HASHING_QUEUE = whole(
    "HASHING_QUEUE", default=100, least=1, purpose="people who wait for a hash; who comes then is told to try again"
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
